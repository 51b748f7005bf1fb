"""What holds for every input, tried on inputs that Hypothesis draws."""

import gzip
import tempfile
from collections import Counter
from math import prod
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from alexnet_lib import engine
from alexnet_lib.batches import Batches, random_crop_flip
from alexnet_lib.checkpoint import load_checkpoint, save_file
from alexnet_lib.data import read_idx
from alexnet_lib.inference import calibration, confusion_matrix
from alexnet_lib.layers import output_size
from alexnet_lib.photos import photo_splits, split_of
from tests.faults.numbers import idx

# The same examples in each run, kept nowhere
many, few = (
    settings(
        max_examples=count, derandomize=True, deadline=None, database=None
    )
    for count in (200, 50)
)
numbers = st.integers(0, 2**31)


def scratch():
    return tempfile.TemporaryDirectory()


def uniform(seed, *shape):
    """Random numbers from 0 to 1."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=torch.double)


@few
@given(st.binary(max_size=8))
def test_splits_have_their_shares(start):
    counts = Counter(
        split_of(start + n.to_bytes(2, "big")) for n in range(2000)
    )
    shares = [counts[split] / 2000 for split in ("train", "val", "test")]
    assert shares == pytest.approx([0.70, 0.15, 0.15], abs=0.04)


def base(label):
    """Contents of a class that fall into all three splits."""
    contents = [f"{n} {label}".encode() for n in range(20)]
    assert {split_of(c) for c in contents} == {"train", "val", "test"}
    return contents


def members(folder):
    """The split of each file's content, and the order of all contents."""
    _, splits, checksum = photo_splits(folder, side=8)
    rows = [
        (path, path.read_bytes(), split)
        for split, photos in splits.items()
        for path in photos.paths
    ]
    paths, contents, _ = zip(*rows, strict=True)
    found = {content: split for _, content, split in rows}
    return found, contents, sorted(paths), checksum


@few
@given(
    st.lists(st.binary(min_size=1), max_size=10, unique=True),
    st.permutations(range(20)),
    st.binary(),
)
def test_no_photo_moves(more, order, added):
    """Not by names, order or other files; every file is in one split."""
    with scratch() as folder:
        files = []
        for label in ("dark", "light"):
            place = Path(folder, label)
            place.mkdir()
            contents = base(label) + [label.encode() + m for m in more]
            for number, content in enumerate(contents):
                files.append(place / f"{number}.png")
                files[-1].write_bytes(content)
        before, contents, paths, checksum = members(folder)
        assert paths == sorted(files)
        assert before == {c: split_of(c) for c in contents}
        for path, number in zip(files, order, strict=False):
            path.rename(path.with_name(f"{number} renamed.jpg"))
        assert members(folder)[0] == before
        assert members(folder)[1] == contents
        assert members(folder)[3] == checksum
        for label in ("dark", "light"):  # a copy in another class as well
            Path(folder, label, "added.png").write_bytes(added)
        after = members(folder)[0]
        assert {content: after[content] for content in before} == before
        assert len(members(folder)[1]) == len(contents) + 2


@many
@given(
    size=st.integers(1, 60),
    kernel=st.integers(1, 11),
    stride=st.integers(1, 5),
    padding=st.integers(0, 5),
    dilation=st.integers(1, 3),
)
def test_sizes_of_layers_are_pytorchs(size, kernel, stride, padding, dilation):
    ours = output_size(size, kernel, stride, padding, dilation)
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    kinds = [nn.Conv2d(1, 1, kernel, **options, device="meta")]
    if padding <= kernel // 2:  # what PyTorch asks of a pool
        kinds.append(nn.MaxPool2d(kernel, **options))
    image = torch.zeros(1, 1, size, size, device="meta")
    for layer in kinds:
        if ours:
            assert layer(image).shape[2:] == (ours, ours)
        else:
            with pytest.raises(RuntimeError):
                layer(image)


@many
@given(st.lists(st.integers(1, 9), min_size=1, max_size=9), numbers)
def test_any_cut_into_batches_has_the_same_means(sizes, seed):
    logits = uniform(seed, sum(sizes), 3)
    labels = (3 * uniform(seed + 1, sum(sizes))).long()
    means = []
    for cut in (sizes, [sum(sizes)]):
        tally = engine.Tally("cpu")
        for x, y in zip(logits.split(cut), labels.split(cut), strict=True):
            tally.add(nn.functional.cross_entropy(x, y), x, y)
        means.append(tally.means())
    assert means[0]["accuracy"] == means[1]["accuracy"]
    assert abs(means[0]["loss"] - means[1]["loss"]) < 1e-12


@many
@given(st.integers(1, 40), st.integers(1, 50), st.booleans(), numbers)
def test_every_example_comes_once_an_epoch(count, size, shuffle, seed):
    labels = torch.arange(count)
    batches = Batches((labels.view(-1, 1, 1, 1), labels), size, shuffle)
    torch.manual_seed(seed)
    epochs = [list(batches), list(batches)]
    torch.manual_seed(seed)
    for seen in epochs:
        order = torch.randperm(count) if shuffle else labels
        assert torch.equal(torch.cat([y for _, y in seen]), order)
        assert all(torch.equal(x.flatten(), y) for x, y in seen)
        assert len(seen) == len(batches)
        assert all(len(y) == size for _, y in seen[:-1])


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=20,
)
rows = st.lists(
    st.dictionaries(st.text(), st.integers() | st.floats()), max_size=9
)


@many
@given(st.dictionaries(st.text(), plain), rows)
def test_cards_and_histories_come_back_from_a_file(card, history):
    with scratch() as folder:
        path = Path(folder, "any.pt")
        content = {"card": card, "model": {}, "history": history}
        save_file(content, path)
        # As text, where True is not 1 and NaN equals itself
        assert repr(load_checkpoint(path)) == repr(content)


scores = st.lists(
    st.floats(0, 1) | st.sampled_from([0.5, 0.6]), min_size=1, max_size=20
)


@many
@given(scores, st.integers(1, 5))
def test_the_best_epoch_is_that_of_a_plain_loop(accuracies, patience):
    history = [{"val_accuracy": score} for score in accuracies]
    best = 0
    for place, score in enumerate(accuracies):
        if score > accuracies[best]:
            best = place
    assert engine.best_epoch(history) is history[best]
    state = engine.TrainState(
        net := nn.Linear(1, 1), torch.optim.SGD(net.parameters(), 0.1)
    )
    state.history = history
    waited = len(accuracies) - 1 - best
    assert engine.stop_early(patience)(state) == (waited >= patience)


@many
@given(
    st.tuples(*[st.integers(1, n) for n in (5, 3, 9, 9)]), numbers, st.data()
)
def test_a_drawn_window_is_one_of_its_own_image(shape, seed, draw):
    size = draw.draw(st.integers(1, min(shape[2:])))
    images = torch.arange(prod(shape)).view(shape)  # no number comes twice
    torch.manual_seed(seed)
    results = random_crop_flip(size)(images)
    assert results.shape == (*shape[:2], size, size)
    for image, result in zip(images, results, strict=True):
        first = result[0].min() - image[0, 0, 0]
        top, left = divmod(first.item(), shape[3])
        window = image[:, top : top + size, left : left + size]
        assert result.equal(window) or result.equal(window.flip(2))


arrays = st.lists(st.integers(1, 5), min_size=1, max_size=5)


@many
@given(arrays, numbers, st.booleans(), st.data())
def test_an_array_comes_back_from_its_file_or_is_refused(
    shape, seed, packed, draw
):
    array = (256 * uniform(seed, *shape)).byte()
    whole = gzip.compress(idx(array)) if packed else idx(array)
    with scratch() as folder:
        path = Path(folder, "array.gz" if packed else "array")
        path.write_bytes(whole)
        found = read_idx(path)
        assert found.shape == array.shape and found.equal(array)
        path.write_bytes(whole[: draw.draw(st.integers(0, len(whole) - 1))])
        with pytest.raises(ValueError, match="not a whole IDX file"):
            read_idx(path)


@many
@given(st.integers(0, 30), st.integers(1, 40), numbers)
def test_confusion_is_counted_as_by_a_plain_loop(count, classes, seed):
    probabilities = uniform(seed, count, classes)
    labels = (classes * uniform(seed + 1, count)).byte()
    expected = [[0] * classes for _ in range(classes)]
    for row, label in zip(probabilities.tolist(), labels, strict=True):
        expected[label][row.index(max(row))] += 1
    found = confusion_matrix(probabilities, labels)
    assert found.tolist() == expected and found.sum() == count


@many
@given(st.integers(0, 30), st.integers(1, 5), st.integers(1, 12), numbers)
def test_calibration_is_that_of_a_plain_loop(count, classes, bins, seed):
    probabilities = (9 * uniform(seed, count, classes)).softmax(dim=1)
    labels = (classes * uniform(seed + 1, count)).long()
    members = [[] for _ in range(bins)]
    for row, label in zip(probabilities.tolist(), labels, strict=True):
        place = min(int(max(row) * bins), bins - 1)
        members[place].append((max(row), row.index(max(row)) == label.item()))
    found = calibration(probabilities, labels, bins)
    assert sum(row["count"] for row in found) == count
    assert found == [
        pytest.approx(
            {
                "count": len(inside),
                "confidence": sum(sure for sure, _ in inside) / len(inside),
                "accuracy": sum(right for _, right in inside) / len(inside),
            }
        )
        for inside in members
        if inside
    ]
