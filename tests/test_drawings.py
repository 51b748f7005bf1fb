"""The drawn data: read by torchvision, the same everywhere, hard enough."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.random import RandomState
from PIL import Image
from torch import Tensor
from torchvision.datasets import FashionMNIST, ImageFolder

from alexnet_lib import drawings
from alexnet_lib.drawings import draw_flower, draw_garment

# Made once and looked at; another processor must draw the same.
GARMENTS_DIGEST = "bb2ed390d50df404af50ff0779d35acb"
FLOWERS_DIGEST = "72674802a602af85befec0b0ea301720"


@pytest.fixture(scope="module")
def fashion() -> dict[str, FashionMNIST]:
    folder = drawings.fashion_folder()
    return {
        "train": FashionMNIST(folder, train=True),
        "test": FashionMNIST(folder, train=False),
    }


@pytest.fixture(scope="module")
def flowers() -> ImageFolder:
    return ImageFolder(drawings.flowers_folder())


def test_torchvision_reads_the_garments(fashion):
    for part, count in (("train", 4800), ("test", 1200)):
        data = fashion[part]
        assert data.data.shape == (count, 28, 28)
        assert data.targets.bincount().tolist() == [count // 10] * 10
        assert data.classes == list(drawings.GARMENTS)


def test_the_classes_of_garments_come_in_random_order(fashion):
    first = fashion["train"].targets[:400]
    assert first.bincount(minlength=10).min() > 20
    assert (first[1:] != first[:-1]).float().mean() > 0.8


def test_torchvision_reads_the_flowers(flowers):
    assert flowers.classes == list(drawings.FLOWERS)
    assert Counter(flowers.targets) == dict.fromkeys(range(5), 200)
    image, _ = flowers[0]
    assert image.mode == "RGB"


def test_flowers_have_mixed_sizes_and_shapes(flowers):
    sizes = [Image.open(path).size for path, _ in flowers.samples]
    assert len(set(sizes)) > 500
    assert 150 <= np.min(sizes) and np.max(sizes) <= 360
    shapes = Counter(np.sign([wide - high for wide, high in sizes]).tolist())
    assert min(shapes[shape] for shape in (-1, 0, 1)) > 150


def test_no_picture_is_drawn_twice(fashion, flowers):
    both = torch.cat([fashion["train"].data, fashion["test"].data])
    assert len(both.flatten(1).unique(dim=0)) == 6000
    files = {Path(path).read_bytes() for path, _ in flowers.samples}
    assert len(files) == 1000


def test_a_second_draw_gives_the_same_bytes(fashion, flowers, tmp_path):
    drawings.write_flowers(tmp_path / "flowers", count=2)
    drawn = sorted(tmp_path.rglob("*.jpg"))
    assert len(drawn) == 10
    for path in drawn:
        first = Path(flowers.root, path.parent.name, path.name)
        assert path.read_bytes() == first.read_bytes()
    # The order of the classes depends on how many there are, so these are
    # drawn one by one, the last first.
    for index in (4799, 1234, 0):
        label = int(fashion["train"].targets[index])
        again = draw_garment(label, RandomState([1, index]))
        assert np.array_equal(again, fashion["train"].data[index])


def test_the_drawings_are_those_that_were_looked_at():
    garments, photos = hashlib.sha256(), hashlib.sha256()
    for index in range(100):
        picture = draw_garment(index % 10, RandomState([7, index]))
        garments.update(picture.tobytes())
    for index in range(20):
        photos.update(
            draw_flower(index % 5, RandomState([7, index])).tobytes()
        )
    assert garments.hexdigest()[:32] == GARMENTS_DIGEST
    assert photos.hexdigest()[:32] == FLOWERS_DIGEST


DRAW_A_FEW = """
from alexnet_lib import drawings
folder = drawings.drawn_once(
    "few", lambda folder: drawings.write_fashion(folder, 300, 100)
)
print(folder)
"""


def test_two_processes_at_once_end_with_one_whole_copy(tmp_path):
    env = os.environ | {"ALEXNET_CACHE": str(tmp_path)}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", DRAW_A_FEW],
            env=env,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    told = [process.communicate(timeout=60)[0].strip() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert told == [str(tmp_path / "few")] * 2
    assert [path.name for path in tmp_path.iterdir()] == ["few"]
    assert len(FashionMNIST(tmp_path / "few", train=True)) == 300


def test_a_drawing_that_is_stopped_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXNET_CACHE", str(tmp_path))

    def stopped(folder: Path) -> None:
        drawings.write_fashion(folder, 10, 10)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drawings.drawn_once("few", stopped)
    assert list(tmp_path.iterdir()) == []


def test_the_winner_of_a_race_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("ALEXNET_CACHE", str(tmp_path))

    def overtaken(folder: Path) -> None:
        folder.mkdir()
        (tmp_path / "few").mkdir()
        (tmp_path / "few" / "first").touch()

    folder = drawings.drawn_once("few", overtaken)
    assert [path.name for path in folder.iterdir()] == ["first"]
    assert [path.name for path in tmp_path.iterdir()] == ["few"]


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    blocked = tmp_path / "a file"
    blocked.touch()
    monkeypatch.setenv("ALEXNET_CACHE", str(blocked))
    with pytest.raises(OSError, match="ALEXNET_CACHE") as caught:
        drawings.fashion_folder()
    assert str(blocked) in str(caught.value)


def test_the_cache_is_where_each_system_keeps_it(monkeypatch, tmp_path):
    monkeypatch.delenv("ALEXNET_CACHE", raising=False)
    for system, variable in (
        ("linux", "XDG_CACHE_HOME"),
        ("win32", "LOCALAPPDATA"),
    ):
        monkeypatch.setattr(sys, "platform", system)
        monkeypatch.setenv(variable, str(tmp_path / system))
        folder = drawings.cache_folder()
        assert folder == tmp_path / system / "alexnet_lib"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert drawings.cache_folder().parts[-3:-1] == ("Library", "Caches")
    monkeypatch.setenv("ALEXNET_CACHE", str(tmp_path))
    assert drawings.cache_folder() == tmp_path


def linear_accuracy(
    images: Tensor, labels: Tensor, test_images: Tensor, test_labels: Tensor
) -> float:
    """The test accuracy of logistic regression on pixels, well trained."""
    mean = images.double().mean(0)
    inputs = ((images - mean) / 90).flatten(1)
    weight = torch.zeros(
        inputs.shape[1], int(labels.max()) + 1, dtype=torch.float64
    ).requires_grad_()
    optimizer = torch.optim.LBFGS(
        [weight], max_iter=100, line_search_fn="strong_wolfe"
    )

    def step() -> Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(inputs @ weight, labels)
        loss = loss + 0.01 * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(step)
    logits = ((test_images - mean) / 90).flatten(1) @ weight
    return float((logits.argmax(1) == test_labels).double().mean())


def test_a_linear_classifier_learns_garments_but_not_well(fashion):
    train, test = fashion["train"], fashion["test"]
    accuracy = linear_accuracy(
        train.data[:2000], train.targets[:2000], test.data, test.targets
    )
    assert 0.55 <= accuracy <= 0.75
