"""Images take one uint8 copy in memory; photos that are too many, none.

What a process takes is measured in one of its own, from /proc: the peak
that getrusage gives starts, in a child, from the peak of its parent.
"""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from alexnet_lib import checkpoint, data
from alexnet_lib.batches import Batches, make_batches
from tests.conftest import ROOT, load

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/status").exists(),
    reason="only Linux tells what one process takes",
)
SIDE = 256
PHOTOS = 3 * SIDE**2 * 3_670
START = """
import re
import sys
from pathlib import Path
from alexnet_lib import data
from alexnet_lib.batches import make_batches

def memory(name):  # VmRSS: now; VmHWM: at most so far
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(name + r":\\s+(\\d+) kB", status)[1])

roots = sys.argv[1:]
before = memory("VmRSS")
"""
GARMENTS = """
for root in roots:
    found = None
    found = data.fashion_mnist(root)
    print(len(found.train.labels) + len(found.val.labels))
print(memory("VmHWM") - before)
"""
FLOWERS = """
data.IN_MEMORY = int(roots.pop())
found = data.flower_photos(roots[0], 256)
splits = (found.train, found.val, found.test)
print(sum(len(split.labels) for split in splits))
print(sum(isinstance(split, data.ImageSet) for split in splits))
part = found.train.first(1_000)
batches = make_batches(part, 32, True)  # max: what is not used takes nothing
print(sum(len(labels) for images, labels in batches if images.max() > 0))
print(memory("VmHWM") - before, memory("VmHWM"))
"""


def measured(code: str, *arguments: object) -> list[int]:
    """The numbers that code prints, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", START + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return [int(number) for number in done.stdout.split()]


@needs_proc
def test_garments_take_one_copy(tmp_path):
    """Plain and gzipped files, one after the other, of the real size."""
    pixels = os.urandom(28 * 28 * 10_000)
    for root, suffix in (("plain", ""), ("packed", ".gz")):
        folder = tmp_path / root / "fashion_mnist"
        folder.mkdir(parents=True)
        for part, count in (("train", 60_000), ("t10k", 10_000)):
            sizes = [n.to_bytes(4, "big") for n in (count, 28, 28)]
            files = {
                "labels-idx1": b"\0\0\x08\x01" + sizes[0] + bytes(count),
                "images-idx3": b"\0\0\x08\x03"
                + b"".join(sizes)
                + pixels * (count // 10_000),
            }
            for kind, content in files.items():
                if suffix:
                    content = gzip.compress(content, compresslevel=1)
                (folder / f"{part}-{kind}-ubyte{suffix}").write_bytes(content)
    roots = tmp_path / "plain", tmp_path / "packed"
    *counts, grown = measured(GARMENTS, *roots)
    assert counts == [60_000, 60_000]
    assert grown <= 1.25 * 70_000 * 28 * 28


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """As many files as flower_photos has, of 40 pictures.

    What follows a picture in its file is not seen, and makes each unique.
    """
    root = tmp_path_factory.mktemp("photos")
    contents = []
    for number in range(40):
        picture = Image.new("RGB", (40, 30), (6 * number, 99, 200))
        picture.save(root / "picture.jpg")
        contents.append((root / "picture.jpg").read_bytes())
    for number in range(3_670):
        folder = root / "flower_photos" / f"class {number % 5}"
        folder.mkdir(parents=True, exist_ok=True)
        content = contents[number % 40] + number.to_bytes(2, "big")
        (folder / f"{number}.jpg").write_bytes(content)
    return root


@needs_proc
def test_photos_in_memory_take_one_copy(photos):
    found = measured(FLOWERS, photos, data.IN_MEMORY)
    count, splits_held, batched, grown, _ = found
    assert (count, splits_held, batched) == (3_670, 3, 1_000)
    # What PyTorch itself takes differs by its build, up to the same again
    assert grown <= 1.1 * PHOTOS <= 1.5e9


@needs_proc
def test_streamed_photos_take_next_to_nothing(photos):
    found = measured(FLOWERS, photos, PHOTOS - 1)
    count, splits_held, batched, grown, _ = found
    assert (count, splits_held, batched) == (3_670, 0, 1_000)
    assert grown <= 0.1 * PHOTOS


def folder_of_photos(root: Path, count: int, side: int) -> data.ImageData:
    """`count` photos of two classes, loaded as any other folder."""
    for number in range(count):
        place = root / ("one", "two")[number % 2]
        place.mkdir(exist_ok=True)
        color = (number, 0, 0)
        Image.new("RGB", (9, 9), color).save(place / f"{number}.png")
    return data.load_photos("mine", root, side)


def test_the_number_and_the_side_decide(tmp_path, monkeypatch):
    """Up to the last byte in memory, from the next on streamed."""
    monkeypatch.setattr(data, "IN_MEMORY", 30 * 3 * 8 * 8)
    assert isinstance(folder_of_photos(tmp_path, 30, 8).train, data.ImageSet)
    assert isinstance(folder_of_photos(tmp_path, 30, 9).train, data.Photos)
    assert isinstance(folder_of_photos(tmp_path, 31, 8).train, data.Photos)


def test_the_stated_limit_is_that_of_the_comment():
    assert data.IN_MEMORY // (3 * 256 * 256) == 5_461
    assert data.IN_MEMORY + PHOTOS // 2 < 1.5e9  # room for all else


def test_both_ways_give_the_same_batches(tmp_path):
    """In every epoch, with any number of workers."""
    kept = folder_of_photos(tmp_path, 40, 8).train
    files = data.photo_splits(tmp_path, 8)[1]["train"]
    for shuffle in (False, True):
        ways = [make_batches(way, 8, shuffle) for way in (kept, files)]
        assert [type(way) for way in ways] == [Batches, DataLoader]
        assert len(ways[0]) == len(ways[1])
        for epoch in (1, 2):
            epochs = []
            for way in ways:
                torch.manual_seed(epoch)
                epochs.append([(i, y, torch.rand(1)) for i, y in way])
            for one, other in zip(*epochs, strict=True):
                for a, b in zip(one, other, strict=True):
                    assert torch.equal(a, b)


train = load("scripts/train.py")
RUN = "flowers --drawn --size small --images 40 --device cpu --epochs".split()


def weights(out: Path) -> dict[str, torch.Tensor]:
    return checkpoint.load_checkpoint(out / "last.pt")["model"]


def test_streamed_training_is_training_in_memory(tmp_path, monkeypatch, capfd):
    """Bit for bit, and when it is resumed."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert train.main([*RUN, "2", "--out", str(whole)]) == 0
    assert "drawn flowers, in memory" in capfd.readouterr().out
    monkeypatch.setattr(data, "IN_MEMORY", 10_000_000)
    assert train.main([*RUN, "1", "--out", str(broken)]) == 0
    assert "read anew in each epoch" in capfd.readouterr().out
    assert train.main([*RUN, "2", "--out", str(broken), "--resume"]) == 0
    expected, found = weights(whole), weights(broken)
    assert all(expected[name].equal(found[name]) for name in expected)


def test_a_streamed_photo_that_is_none_is_named(bad_photo, monkeypatch, capfd):
    """Before training, though it is read anew in training."""
    monkeypatch.setattr(data, "IN_MEMORY", 0)
    command = ["flowers", "--size", "small", "--data", str(bad_photo)]
    command += ["--out", str(bad_photo / "run"), "--device", "cpu"]
    assert train.main(command) == 1
    err = capfd.readouterr().err
    assert err.startswith("error: ") and err.count("bad.jpg") == 1
    assert not (bad_photo / "run").exists()


def test_a_photo_that_is_lost_while_training_is_named(
    bad_photo, monkeypatch, capfd
):
    """On one line, though a worker finds it."""
    (bad_photo / "flower_photos" / "one" / "bad.jpg").unlink()
    monkeypatch.setattr(data, "IN_MEMORY", 0)
    monkeypatch.setattr(data.Photos, "read_all", lambda self, keep: (self, {}))
    path = bad_photo / "flower_photos" / "two" / "3.png"
    path.write_bytes(path.read_bytes()[:45])
    command = ["flowers", "--size", "small", "--data", str(bad_photo)]
    command += ["--out", str(bad_photo / "run"), "--device", "cpu"]
    assert train.main(command) == 1
    err = capfd.readouterr().err
    assert err.startswith("error: ") and err.count("\n") == 1
    assert "3.png: not a whole image" in err
