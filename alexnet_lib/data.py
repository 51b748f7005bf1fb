"""From files to uint8 images, in memory if they fit, in three splits.

Which data is read is always said: the real data sets from a folder, the
drawn ones by name. Nothing falls back from one to the other.
"""

import gzip
import hashlib
import math
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor
from torchvision.datasets import FashionMNIST

from . import drawings
from .downloads import download_fashion
from .downloads import download_flowers as download_flowers
from .photos import BadPhotos, ImageSet, Photos, photo_splits
from .photos import read_image as read_image

IN_MEMORY = 2**30  # bytes, 5,461 photos of 256 pixels; more are streamed


@dataclass
class ImageData:
    """A data set in its three splits, with a checksum of all of it."""

    name: str
    classes: list[str]
    train: "ImageSet | Photos"
    val: "ImageSet | Photos"
    test: "ImageSet | Photos"
    checksum: str
    skipped: dict[Path, str] = field(default_factory=dict)  # with the reason


def read_idx(path: Path) -> Tensor:
    """The array of bytes in an IDX file, plain or gzipped.

    Two zero bytes, the type (8 for bytes), the number of dimensions, each
    dimension as four bytes, highest first; then the array itself.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    content = bytearray()  # grows bit by bit, so that no second copy is made
    try:
        with opened(path, "rb") as file:
            while some := file.read(2**20):
                content += some
    except (EOFError, zlib.error, gzip.BadGzipFile):
        content.clear()  # cut off or damaged
    start = 4 + 4 * (content[3] if len(content) > 3 else 0)
    places = range(4, start, 4)
    shape = [int.from_bytes(content[i : i + 4], "big") for i in places]
    rest = len(content) - start
    whole = shape and 0 < rest == math.prod(shape)
    if content[:3] != b"\0\0\x08" or not whole:
        raise ValueError(f"{path} is not a whole IDX file of bytes")
    return torch.frombuffer(content, dtype=torch.uint8)[start:].view(shape)


def fashion_mnist(root: str | Path, download: bool = False) -> ImageData:
    """Fashion-MNIST from `root`; the last twelfth of train is val.

    `root` is laid out as torchvision leaves it (FashionMNIST/raw), or holds
    the four files, gzipped or not, in fashion_mnist. Nothing is written
    there unless `download` is true.
    """
    folder = Path(root, "fashion_mnist")

    def find(name: str) -> Path:
        for place in (Path(root, "FashionMNIST/raw"), folder, Path(root)):
            for path in (place / name, place / f"{name}.gz"):
                if path.is_file():
                    return path
        if download:
            return download_fashion(root) / f"{name}.gz"
        raise FileNotFoundError(
            f"no {name} in {Path(root)}: download it, put the four files "
            f"into {folder}, or use the drawn garments"
        )

    arrays = [
        read_idx(find(f"{part}-{kind}-ubyte"))
        for part in ("train", "t10k")
        for kind in ("images-idx3", "labels-idx1")
    ]
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(array.numpy())
    images, labels, test_images, test_labels = arrays
    check_labels("train", images, labels, 10)
    check_labels("t10k", test_images, test_labels, 10)
    cut = len(labels) - len(labels) // 12  # 5,000 of the 60,000 are val
    return ImageData(
        name="Fashion-MNIST",
        classes=FashionMNIST.classes,
        train=ImageSet(images[:cut, None], labels[:cut].long()),
        val=ImageSet(images[cut:, None], labels[cut:].long()),
        test=ImageSet(test_images[:, None], test_labels.long()),
        checksum=digest.hexdigest(),
    )


def drawn_fashion() -> ImageData:
    """The drawn garments, in the same files and splits as the real ones."""
    drawn = fashion_mnist(drawings.fashion_folder())
    return replace(drawn, name="drawn fashion")


def check_labels(
    part: str, images: Tensor, labels: Tensor, classes: int
) -> None:
    """Refuse labels that do not belong to these images and classes."""
    if images.dim() != 3 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"images of shape {tuple(images.shape)} but labels of shape "
            f"{tuple(labels.shape)}: fetch the two {part} files again"
        )
    if labels.max() >= classes:
        raise ValueError(
            f"{part}-labels-idx1-ubyte holds a label {labels.max()}: they "
            f"must be 0 to {classes - 1}, fetch it again"
        )


def load_photos(
    name: str, folder: Path, side: int, skip_bad: bool = False
) -> ImageData:
    """The splits of a folder of folders, in memory up to IN_MEMORY bytes.

    Each file is opened before training can begin. Bad ones are an error
    that names all of them, or are left out and named in `skipped`.
    """
    bad: dict[Path, str] = {}
    while True:
        classes, splits, checksum = photo_splits(folder, side, bad)
        fit = 3 * side**2 * sum(map(len, splits.values())) <= IN_MEMORY
        kept, unread = {}, {}
        for split, photos in splits.items():
            kept[split], more = photos.read_all(keep=fit)
            unread |= more
        bad |= unread
        if bad and not skip_bad:
            raise BadPhotos(bad)
        if not unread:
            return ImageData(
                name, classes, **kept, checksum=checksum, skipped=bad
            )


def flower_photos(
    root: str | Path,
    side: int = 256,
    download: bool = False,
    skip_bad: bool = False,
) -> ImageData:
    """The photos in `root`/flower_photos/<class>, cut to `side` pixels."""
    folder = Path(root, "flower_photos")
    if download and not folder.is_dir():
        download_flowers(root)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"no folder {folder}: put one folder of photos per class there, "
            "download them, or use the drawn flowers"
        )
    return load_photos("flower_photos", folder, side, skip_bad)


def drawn_flowers(side: int = 110) -> ImageData:
    """The drawn flowers, in the same files and splits as the real ones."""
    return load_photos("drawn flowers", drawings.flowers_folder(), side)
