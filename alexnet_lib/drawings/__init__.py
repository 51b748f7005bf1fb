"""The data that comes with the book: drawn on first use, then kept.

Every picture has its own generator, seeded by the part and by its number, so
that a picture is the same whatever is drawn before it.
"""

import os
import struct
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.random import RandomState
from tqdm import tqdm

from .flowers import FLOWERS, draw_flower
from .garments import GARMENTS, draw_garment


def cache_folder() -> Path:
    """Return the folder that keeps what is drawn: $ALEXNET_CACHE, if set."""
    if chosen := os.environ.get("ALEXNET_CACHE"):
        return Path(chosen).expanduser()
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "alexnet_lib"
    name = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
    return Path(os.environ.get(name) or home / ".cache") / "alexnet_lib"


def made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """Return `folder`, made whole on first use.

    It is made under another name and renamed: a kill leaves no half folder,
    and of two processes at once the second finds the work done.
    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f".{folder.name}-", dir=folder.parent
    ) as part:
        made = Path(part, folder.name)
        make(made)
        try:
            os.replace(made, folder)
        except OSError:
            if not folder.is_dir():
                raise
    return folder


def drawn_once(name: str, draw: Callable[[Path], None]) -> Path:
    """Return a folder in the cache, drawn on first use."""
    folder = cache_folder() / name
    try:
        return made_once(folder, draw)
    except OSError as error:
        raise OSError(
            f"cannot write the drawn data to {folder}: "
            f"{error.strerror or error}. "
            "Set ALEXNET_CACHE to a folder that can be written."
        ) from error


def balanced(seed: int, count: int, classes: int) -> np.ndarray:
    """Return labels, as many of each class, in random order."""
    return RandomState(seed).permutation(np.arange(count) % classes)


def write_fashion(folder: Path, train: int = 4800, test: int = 1200) -> None:
    """Draw garments into the four files that torchvision reads."""
    raw = folder / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    with tqdm(total=train + test, desc="drawing", disable=None) as bar:
        for seed, part, count in ((1, "train", train), (2, "t10k", test)):
            labels = balanced(seed, count, len(GARMENTS))
            pixels = bytearray()
            for index, label in enumerate(labels.tolist()):
                rng = RandomState([seed, index])
                pixels += draw_garment(label, rng).tobytes()
                bar.update()
            head = struct.pack(">4i", 2051, count, 28, 28)
            (raw / f"{part}-images-idx3-ubyte").write_bytes(head + pixels)
            head = struct.pack(">2i", 2049, count)
            (raw / f"{part}-labels-idx1-ubyte").write_bytes(
                head + labels.astype(np.uint8).tobytes()
            )


def write_flowers(folder: Path, count: int = 200) -> None:
    """Draw flowers into one folder of JPEG files for each kind."""
    with tqdm(total=count * 5, desc="drawing", disable=None) as bar:
        for label, name in enumerate(FLOWERS):
            (folder / name).mkdir(parents=True)
            for index in range(count):
                image = draw_flower(label, RandomState([3, label, index]))
                path = folder / name / f"{name}_{index:03}.jpg"
                image.save(path, quality=88)
                bar.update()


def fashion_folder() -> Path:
    """Return the folder of drawn garments, for torchvision's FashionMNIST."""
    return drawn_once("drawn-fashion-v1", write_fashion)


def flowers_folder() -> Path:
    """Return the folder of drawn flowers, for torchvision's ImageFolder."""
    return drawn_once("drawn-flowers-v1", write_flowers)
