"""From files to uint8 images, in memory if they fit, in three splits.

Which data is read is always said: the real data sets from a folder, the
drawn ones by name. Nothing falls back from one to the other.
"""

import gzip
import hashlib
import math
import shutil
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.datasets import FashionMNIST
from torchvision.transforms import v2
from tqdm import tqdm

from . import drawings

IN_MEMORY = 2**30  # bytes, 5,461 photos of 256 pixels; more are streamed
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"}
FLOWERS = {
    "url": "https://storage.googleapis.com/download.tensorflow.org/"
    "example_images/flower_photos.tgz",
    "known_hash": "sha256:4c54ace7911aaffe13a365c34f650e71"
    "dd5bf1be0a58b464e5a7183e3e595d9c",
}


class ImageSet(NamedTuple):
    """Images and labels in memory: uint8 (N, C, H, W), int64 (N)."""

    images: Tensor
    labels: Tensor

    def first(self, count: int) -> "ImageSet":
        """The first `count` images, or all where there are fewer."""
        return ImageSet(self.images[:count], self.labels[:count])


@dataclass
class ImageData:
    """A data set in its three splits, with a checksum of all of it."""

    name: str
    classes: list[str]
    train: "ImageSet | Photos"
    val: "ImageSet | Photos"
    test: "ImageSet | Photos"
    checksum: str


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
    if content[:3] != b"\0\0\x08" or rest != math.prod(shape):
        raise ValueError(f"{path} is not a whole IDX file of bytes")
    return torch.frombuffer(content, dtype=torch.uint8)[start:].view(shape)


def fashion_mnist(root: str | Path, download: bool = False) -> ImageData:
    """Fashion-MNIST from `root`; the last twelfth of train is val.

    `root` is laid out as torchvision leaves it (FashionMNIST/raw), or holds
    the four files, gzipped or not, in fashion_mnist. Nothing is written
    there unless `download` is true.
    """
    folder = Path(root, "fashion_mnist")
    advice = f"put the four files into {folder}, or use the drawn garments"
    if download and not folder.is_dir():
        try:
            FashionMNIST(root, download=True)
        except (OSError, RuntimeError) as error:
            raise ConnectionError(
                f"Fashion-MNIST was not downloaded ({brief(error)}): {advice}"
            ) from error

    def find(name: str) -> Path:
        for place in (Path(root, "FashionMNIST/raw"), folder, Path(root)):
            for path in (place / name, place / f"{name}.gz"):
                if path.is_file():
                    return path
        raise FileNotFoundError(
            f"no {name} in {Path(root)}: download it, {advice}"
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
    val = len(labels) // 12  # 5,000 of the 60,000
    return ImageData(
        name="Fashion-MNIST",
        classes=FashionMNIST.classes,
        train=ImageSet(images[:-val, None], labels[:-val].long()),
        val=ImageSet(images[-val:, None], labels[-val:].long()),
        test=ImageSet(test_images[:, None], test_labels.long()),
        checksum=digest.hexdigest(),
    )


def drawn_fashion() -> ImageData:
    """The drawn garments, in the same files and splits as the real ones."""
    drawn = fashion_mnist(drawings.fashion_folder())
    return replace(drawn, name="drawn fashion")


def read_image(path: str | Path, side: int, channels: int = 3) -> Tensor:
    """The central square of an image file, uint8 (C, side, side)."""
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            color = upright.convert("RGB" if channels == 3 else "L")
            square = ImageOps.fit(color, (side, side), Image.BILINEAR)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or "not a whole image"
        raise ValueError(f"cannot read {path}: {reason}") from error
    return v2.functional.pil_to_tensor(square)


class Photos(Dataset):
    """Photo files and their labels; each is read when it is asked for."""

    def __init__(self, paths: list[Path], labels: list[int], side: int):
        self.paths, self.labels, self.side = paths, labels, side

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = read_image(self.paths[index], self.side)
        return image, self.labels[index]

    def first(self, count: int) -> "Photos":
        """The first `count` photos, or all where there are fewer."""
        return Photos(self.paths[:count], self.labels[:count], self.side)

    def in_memory(self) -> ImageSet:
        """All photos, read once, on several threads, into one tensor."""
        shape = (len(self), 3, self.side, self.side)
        images = torch.empty(shape, dtype=torch.uint8)

        def read(index: int) -> None:
            images[index] = self[index][0]

        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            done = pool.map(read, range(len(self)))
            for _ in tqdm(done, "photos", len(self), disable=None):
                pass
        return ImageSet(images, torch.tensor(self.labels))


def split_of(content: bytes) -> str:
    """train (70 %), val or test (15 % each), by the bytes of a file alone.

    No renaming, order or added file moves a photo, and two copies of one
    photo never stand in two splits.
    """
    share = int.from_bytes(hashlib.sha256(content).digest()[:8], "big") / 2**64
    return "train" if share < 0.70 else "val" if share < 0.85 else "test"


def photo_splits(
    folder: str | Path, side: int
) -> tuple[list[str], dict[str, Photos], str]:
    """Classes, photos of each split and checksum of a folder of folders.

    Each class is a folder of image files; its label is its place in the
    sorted list. Photos come in the order of their hashes: well mixed, and
    the same everywhere.
    """
    folders = sorted(Path(folder).glob("[!.]*/"))  # no hidden ones, no files
    classes = [f.name for f in folders]
    found = []
    for label, place in enumerate(folders):
        photos = [f for f in place.iterdir() if f.suffix.lower() in SUFFIXES]
        if not photos:
            raise ValueError(f"{place} holds no photo")
        for path in photos:
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            found.append((digest, path.name, path, label, split_of(content)))
    found.sort()
    splits = {}
    for split in ("train", "val", "test"):
        rows = [row for row in found if row[4] == split]
        labels = [row[3] for row in rows]
        for label in set(range(len(classes))) - set(labels):
            raise ValueError(
                f"no photo of {classes[label]!r} falls into the {split} "
                f"split of {folder}: add photos of it"
            )
        splits[split] = Photos([row[2] for row in rows], labels, side)
    listing = "".join(f"{row[0]} {classes[row[3]]}\n" for row in found)
    return classes, splits, hashlib.sha256(listing.encode()).hexdigest()


def load_photos(name: str, folder: Path, side: int) -> ImageData:
    """The splits of a folder of folders, in memory up to IN_MEMORY bytes."""
    classes, splits, checksum = photo_splits(folder, side)
    if 3 * side**2 * sum(map(len, splits.values())) <= IN_MEMORY:
        splits = {split: part.in_memory() for split, part in splits.items()}
    return ImageData(name, classes, **splits, checksum=checksum)


def flower_photos(
    root: str | Path, side: int = 256, download: bool = False
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
    return load_photos("flower_photos", folder, side)


def drawn_flowers(side: int = 110) -> ImageData:
    """The drawn flowers, in the same files and splits as the real ones."""
    return load_photos("drawn flowers", drawings.flowers_folder(), side)


def brief(error: Exception) -> str:
    """What went wrong, in at most a line."""
    return (str(error).splitlines() or [type(error).__name__])[0][:90]


def download_flowers(root: str | Path) -> None:
    """The 3,670 photos of flower_photos, checked and unpacked in `root`."""
    import pooch

    try:
        archive = pooch.retrieve(**FLOWERS, path=root, progressbar=True)
    except Exception as error:
        raise ConnectionError(
            f"{FLOWERS['url']} was not downloaded ({brief(error)}): unpack it "
            f"at {Path(root, 'flower_photos')}, or use the drawn flowers"
        ) from error
    with tempfile.TemporaryDirectory(dir=root) as unpacked:
        shutil.unpack_archive(archive, unpacked, filter="data")
        Path(unpacked, "flower_photos").rename(Path(root, "flower_photos"))
