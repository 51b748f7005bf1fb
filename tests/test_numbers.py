"""An error or a right answer, never a wrong one."""

from itertools import product

import pytest
import torch
from PIL import Image
from torch import nn
from torch.amp import GradScaler

from alexnet_lib import data, engine
from alexnet_lib.batches import Batches
from alexnet_lib.checkpoint import keep_last_and_best, load_checkpoint
from alexnet_lib.inference import (
    calibration,
    confusion_matrix,
    predict_all,
    top_classes,
)
from alexnet_lib.layers import output_size
from alexnet_lib.photos import photo_splits
from tests.conftest import load
from tests.faults.numbers import BAD, Poisoned, batches, idx, network

train = load("scripts/train.py")
LOSS = nn.CrossEntropyLoss()


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("value", BAD.values(), ids=BAD)
@pytest.mark.parametrize("step", [1, 3, 5])
@pytest.mark.parametrize("part", ["training", "validation"])
def test_a_loss_that_is_not_finite_ends_the_run(part, step, value):
    loaders = Poisoned(5, 1, step, value), batches(2)
    if part == "validation":
        loaders = loaders[::-1]
    state = network()
    with pytest.raises(FloatingPointError) as info:
        engine.fit(state, *loaders, epochs=1)
    assert str(info.value) == (
        f"in the {part} of epoch 1, the loss is nan from step {step} on: try "
        "a learning rate below 0.1"
    )
    assert state.history == []


def test_nothing_of_a_diverged_epoch_is_kept(tmp_path):
    state, last = network(), tmp_path / "last.pt"
    keep = keep_last_and_best(tmp_path, {})
    engine.fit(state, batches(2), batches(2), 1, [keep])
    before = last.read_bytes()
    with pytest.raises(FloatingPointError, match="epoch 2"):
        engine.fit(state, Poisoned(2, 1, 2, torch.nan), batches(2), 2, [keep])
    assert last.read_bytes() == before and len(state.history) == 1
    state.load_state_dict(load_checkpoint(last))
    assert all(w.isfinite().all() for w in state.model.parameters())


def test_the_step_of_a_learning_rate_is_that_of_a_plain_loop():
    """Each step multiplies the weights, until they are too large."""
    loader, state = batches(40), network(lr=1e15)
    model = nn.Linear(4, 3)
    model.load_state_dict(state.model[1].state_dict())
    step, loss = 0, torch.zeros(())
    while loss.isfinite():
        images, labels = loader[step]
        step += 1
        loss = LOSS(model(images.flatten(1)), labels) * 1e12
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for weight in model.parameters():
                weight -= 1e15 * weight.grad
    assert 1 < step < 40
    with pytest.raises(FloatingPointError, match=f"from step {step} on:"):
        engine.fit(
            state,
            loader,
            loader,
            1,
            criterion=lambda *pair: LOSS(*pair) * 1e12,
        )


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_an_infinite_loss_is_reported(smoothing):
    """A class that is held impossible, and is the right one."""
    model = network().model
    with torch.no_grad():
        model[1].bias[2] = -torch.inf
    loss = nn.CrossEntropyLoss(label_smoothing=smoothing)
    loader = [(torch.zeros(1, 1, 2, 2), torch.tensor([2]))]
    with pytest.raises(
        FloatingPointError, match="is (inf|nan) from step 1 on"
    ):
        engine.evaluate(model, loader, loss)


def test_training_that_diverges_ends_in_one_line(tmp_path, capfd):
    command = "fashion --drawn --size small --device cpu --images 128".split()
    command += ["--lr", "1e6", "--epochs", "1", "--out", str(tmp_path)]
    assert train.main(command) == 1
    errors = capfd.readouterr().err.strip().splitlines()
    assert len(errors) == 1 and errors[0].startswith("error: in the ")
    assert "try a learning rate below" in errors[0]
    assert not list(tmp_path.glob("*.pt*"))


def half(scale):
    """The state of a run in float16."""
    state = network()
    state.scaler = GradScaler("cpu", scale)
    state.autocast = torch.autocast("cpu", torch.float16)
    return state


@pytest.mark.filterwarnings("ignore:Detected call of")
def test_steps_that_overflow_are_skipped():
    state, taken = half(2.0**30), []
    state.optimizer.register_step_post_hook(lambda *_: taken.append(1))
    history = engine.fit(state, batches(10), batches(2), 3)
    skipped = 30 - len(taken)
    assert 0 < skipped < 30
    assert history[-1]["loss_scale"] == 2.0 ** (30 - skipped)
    assert history[0]["loss_scale"] > history[-1]["loss_scale"]
    assert all(w.isfinite().all() for w in state.model.parameters())


def test_the_history_says_the_loss_scale_of_float16_alone():
    rows = [
        engine.fit(state, batches(1), batches(1), 1)[0]
        for state in (half(1024.0), network())
    ]
    assert [row.get("loss_scale") for row in rows] == [1024.0, None]


@pytest.mark.filterwarnings("ignore:Detected call of")
def test_a_resumed_run_goes_on_with_its_loss_scale(tmp_path):
    broken, resumed = half(2.0**40), half(1024.0)
    keep = keep_last_and_best(tmp_path, {})
    (row,) = engine.fit(broken, batches(5), batches(1), 1, [keep])
    resumed.load_state_dict(load_checkpoint(tmp_path / "last.pt"))
    assert row["loss_scale"] == 2.0**35 == resumed.scaler.get_scale()
    _, row = engine.fit(resumed, batches(5), batches(1), 2)
    assert row["loss_scale"] == 2.0**30


@pytest.mark.parametrize("part", ["train", "val"])
def test_an_empty_loader_ends_a_run(part):
    loaders = ([], batches(2)) if part == "train" else (batches(2), [])
    state = network()
    with pytest.raises(ValueError, match="the loader gave no batch: is its"):
        engine.fit(state, *loaders, epochs=1)
    assert state.history == []


@pytest.mark.parametrize(
    "use",
    [
        lambda state: engine.evaluate(state.model, [], LOSS),
        lambda state: engine.train_one_epoch(state, [], LOSS),
        lambda state: predict_all(state.model, []),
    ],
    ids=["evaluate", "train_one_epoch", "predict_all"],
)
def test_an_empty_loader_is_an_error(use):
    with pytest.raises(ValueError, match="the loader gave no batch: is its"):
        use(network())


@pytest.mark.parametrize("shape", [(0, 1, 2, 2), (0,)])
def test_no_images_are_no_batches(shape):
    """A step on an empty batch would be one of weight decay alone."""
    with pytest.raises(ValueError, match="one at least"):
        Batches((torch.zeros(shape), torch.zeros(0).long()), 4)


def test_one_folder_is_no_task(tmp_path):
    (tmp_path / "roses").mkdir()
    Image.new("RGB", (5, 5)).save(tmp_path / "roses" / "only.png")
    with pytest.raises(ValueError, match="has 1 folders.*at least two"):
        photo_splits(tmp_path, 8)


def test_images_of_one_class_alone_are_learned():
    images = torch.randn(12, 1, 2, 2)
    loader = Batches((images, torch.full((12,), 2)), 4)
    row = engine.fit(network(), loader, loader, 20)[-1]
    assert row["val_accuracy"] == 1.0 and row["val_loss"] < 0.2


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 100])
def test_the_size_of_the_batches_changes_no_mean(size):
    """Sizes of 2 and 3 leave one image for the last of seven."""
    model = network().model.double()
    images = torch.randn(7, 1, 2, 2, dtype=torch.double)
    labels = torch.tensor([0, 1, 2, 2, 1, 1, 0])
    logits = model(images)
    found = engine.evaluate(model, Batches((images, labels), size), LOSS)
    assert abs(found["loss"] - LOSS(logits, labels).item()) < 1e-12
    assert found["accuracy"] == (logits.argmax(1) == labels).sum().item() / 7


@pytest.mark.parametrize("label", [-1, -100])
def test_batches_refuse_a_label_below_0(label):
    """-100 is what cross-entropy would pass over in silence."""
    with pytest.raises(ValueError, match="a label below 0"):
        Batches((torch.zeros(3, 1, 2, 2), torch.tensor([0, label, 1])), 4)


@pytest.mark.parametrize("count", [1, 3, 5])
def test_batches_refuse_labels_of_other_images(count):
    with pytest.raises(ValueError, match="4 images and labels of shape"):
        Batches((torch.zeros(4, 1, 2, 2), torch.zeros(count).long()), 4)


def test_batches_refuse_one_column_for_each_class():
    with pytest.raises(ValueError, match=r"labels of shape \(3, 3\)"):
        Batches((torch.zeros(3, 1, 2, 2), torch.eye(3)), 4)


def test_mixed_labels_have_no_accuracy():
    """As of MixUp: cross-entropy takes them, but no answer equals them."""
    loader = [(torch.randn(3, 1, 2, 2), torch.eye(3))]
    with pytest.raises(RuntimeError, match="shape"):
        engine.evaluate(network().model, loader, LOSS)


def test_a_label_too_large_is_an_error():
    loader = Batches((torch.zeros(3, 1, 2, 2), torch.tensor([0, 12, 1])), 4)
    with pytest.raises(IndexError, match="12 is out of bounds"):
        engine.evaluate(network().model, loader, LOSS)


def test_labels_of_one_byte_are_labels():
    (images, labels), model = batches(1, 9)[0], network().model
    found, expected = (
        engine.evaluate(model, Batches((images, y), 4), LOSS)
        for y in (labels.byte(), labels)
    )
    assert found == expected


@pytest.mark.parametrize("dtype", [torch.bool, torch.float, torch.double])
def test_labels_that_are_no_whole_numbers_are_an_error(dtype):
    loader = Batches((torch.zeros(2, 1, 2, 2), torch.ones(2).to(dtype)), 4)
    with pytest.raises(RuntimeError, match="Long or Byte"):
        engine.evaluate(network().model, loader, LOSS)


def garments(folder, train=24, labels=None):
    """Files of so many garments; `labels` are those of the training."""
    ours = torch.arange(train).remainder(10).byte()
    for part, count, known in (
        ("train", train, ours if labels is None else labels),
        ("t10k", 4, torch.arange(4).byte()),
    ):
        images = torch.arange(count).byte()[:, None, None].expand(-1, 28, 28)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(known))
    return folder


def test_a_garment_of_no_class_is_refused(tmp_path):
    labels = torch.zeros(24).byte()
    labels[20] = 12
    with pytest.raises(ValueError) as info:
        data.fashion_mnist(garments(tmp_path, labels=labels))
    assert str(info.value) == (
        "train-labels-idx1-ubyte holds a label 12: they must be 0 to 9, "
        "fetch it again"
    )


@pytest.mark.parametrize("count", [1, 23, 25])
def test_labels_of_other_garments_are_refused(tmp_path, count):
    with pytest.raises(ValueError, match=rf"\(24, 28, 28\).*\({count},\)"):
        data.fashion_mnist(garments(tmp_path, labels=torch.ones(count).byte()))


@pytest.mark.parametrize("count", [1, 11, 12, 25])
def test_the_last_twelfth_of_few_garments_is_val(tmp_path, count):
    found = data.fashion_mnist(garments(tmp_path, count))
    numbers = [s.images[:, 0, 0, 0].tolist() for s in (found.train, found.val)]
    assert numbers[0] + numbers[1] == list(range(count))
    assert len(numbers[1]) == len(found.val.labels) == count // 12


@pytest.mark.parametrize("shape", [(), (0, 28, 28), (0, 2**32 - 1, 2**32 - 1)])
def test_an_array_of_nothing_is_refused(tmp_path, shape):
    """The last would overflow, though there is no byte to be read."""
    sizes = b"".join(n.to_bytes(4, "big") for n in shape)
    (tmp_path / "array").write_bytes(bytes([0, 0, 8, len(shape)]) + sizes)
    with pytest.raises(ValueError, match="not a whole IDX file"):
        data.read_idx(tmp_path / "array")


def test_no_more_classes_than_there_are():
    (top,) = top_classes(torch.tensor([[0.2, 0.5, 0.3]]), ["a", "b", "c"], 99)
    assert [name for name, _ in top] == ["b", "c", "a"]


def test_of_no_images_there_is_nothing_to_count():
    none = torch.empty(0, 3), torch.empty(0).long()
    assert confusion_matrix(*none).tolist() == [[0] * 3] * 3
    assert calibration(*none) == []


def test_a_class_without_images_has_an_empty_row():
    probabilities = torch.eye(4)[[0, 3, 3, 1, 0]]
    labels = torch.tensor([0, 3, 1, 1, 3])  # never 2
    counts = confusion_matrix(probabilities, labels)
    assert counts.tolist() == [
        [1, 0, 0, 0],
        [0, 1, 0, 1],
        [0, 0, 0, 0],
        [1, 0, 0, 1],
    ]
    assert calibration(probabilities, labels) == [
        {"count": 5, "confidence": 1.0, "accuracy": 0.6}
    ]


def test_labels_of_one_byte_are_counted_right():
    """9 of 30 classes: the cell has the number 9 * 30 + 9, above 255."""
    counts = confusion_matrix(torch.eye(30)[[9]], torch.tensor([9]).byte())
    assert counts.nonzero().tolist() == [[9, 9]]


@pytest.mark.parametrize("label", [-1, 3, 100])
def test_a_label_of_no_class_is_not_counted(label):
    with pytest.raises(RuntimeError):
        confusion_matrix(torch.eye(3), torch.tensor([0, label, 1]))


def test_a_network_of_nan_predicts_nothing():
    model = network().model
    with torch.no_grad():
        model[1].weight[0] = torch.nan
    with pytest.raises(FloatingPointError, match="gives NaN for probab"):
        predict_all(model, batches(2))


def test_the_windows_that_fit_are_those_one_can_count():
    for kernel, stride, size, padding in product(
        range(1, 8), range(1, 5), range(1, 12), range(3)
    ):
        reach = size + 2 * padding
        starts = [s for s in range(0, reach, stride) if s + kernel <= reach]
        assert output_size(size, kernel, stride, padding) == len(starts)
