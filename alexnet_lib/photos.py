"""From folders of photo files to uint8 images, in three splits."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import v2
from tqdm import tqdm

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
# What photos come in, and no reader that would start another program
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
MAX_BYTES = 2**27
MAX_PIXELS = 60_000_000  # a larger picture is refused before it is decoded


class BadPhotos(ValueError):
    """Files that cannot be read as photos, all of them, with the reasons."""

    def __init__(self, bad: dict[Path, str]):
        self.bad = dict(sorted(bad.items()))
        reasons = [*self.bad.values(), "mend or remove these files"]
        super().__init__("\n".join(reasons))


class ImageSet(NamedTuple):
    """Images and labels in memory: uint8 (N, C, H, W), int64 (N)."""

    images: Tensor
    labels: Tensor

    def first(self, count: int) -> "ImageSet":
        """The first `count` images, or all where there are fewer."""
        return ImageSet(self.images[:count], self.labels[:count])


def refused(path: Path) -> str | None:
    """Why a file cannot be a photo, as far as one sees without opening it."""
    if not os.path.isfile(path):
        return f"{path} is no file: missing, a folder, a pipe or a broken link"
    if path.stat().st_size > MAX_BYTES:
        return f"{path} has more than {MAX_BYTES:,} bytes"
    if not os.access(path, os.R_OK):
        return f"{path} may not be read: its permissions forbid it"
    return None


def read_image(path: str | Path, side: int, channels: int = 3) -> Tensor:
    """The central square of an image file, upright, uint8 (C, side, side).

    What is transparent becomes white.
    """
    if reason := refused(Path(path)):
        raise ValueError(reason)
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Image.DecompressionBombError
            if image.mode in ("I", "F"):
                raise ValueError("its numbers have no known range")
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I;16"):  # gray in two bytes, a scan
                grays = [value // 256 for value in range(2**16)]
                if "transparency" in upright.info:  # the gray that is clear
                    grays[upright.info.pop("transparency")] = 255
                upright = upright.convert("I").point(grays, "L")
            if upright.has_transparency_data:
                layer = upright.convert("RGBA")
                upright = Image.new("RGBA", layer.size, "white")
                upright.alpha_composite(layer)
            color = upright.convert("RGB" if channels == 3 else "L")
            square = ImageOps.fit(color, (side, side), Image.BILINEAR)
    except UnidentifiedImageError:
        reason = "no picture, or none of " + ", ".join(FORMATS)
    except Image.DecompressionBombError:
        reason = f"more than {MAX_PIXELS:,} pixels, make it smaller"
    except ValueError as error:
        reason = str(error)
    except Exception as error:  # damaged files raise errors of many kinds
        reason = getattr(error, "strerror", None) or "not a whole image"
    else:
        return v2.functional.pil_to_tensor(square)
    raise ValueError(f"cannot read {path}: {reason}")


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
        """All photos, read once, into one tensor."""
        kept, bad = self.read_all()
        if bad:
            raise BadPhotos(bad)
        return kept

    def read_all(
        self, keep: bool = True
    ) -> tuple["ImageSet | Photos", dict[Path, str]]:
        """All photos, read on several threads and kept, or only checked.

        And the files that cannot be read, with the reason.
        """
        count = len(self) if keep else 0
        shape = (count, 3, self.side, self.side)
        images = torch.empty(shape, dtype=torch.uint8)

        def read(index: int) -> str | None:
            try:
                image = self[index][0]
            except ValueError as error:
                return str(error)
            if keep:
                images[index] = image

        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            reasons = pool.map(read, range(len(self)))
            bar = tqdm(reasons, "photos", len(self), disable=None)
            pairs = zip(self.paths, bar, strict=True)
            bad = {path: reason for path, reason in pairs if reason}
        if not keep:
            return self, bad
        return ImageSet(images, torch.tensor(self.labels)), bad


def split_of(content: bytes) -> str:
    """train (70 %), val or test (15 % each), by the bytes of a file alone.

    No renaming, order or added file moves a photo, and two copies of one
    photo never stand in two splits.
    """
    share = int.from_bytes(hashlib.sha256(content).digest()[:8], "big") / 2**64
    return "train" if share < 0.70 else "val" if share < 0.85 else "test"


def photo_splits(
    folder: str | Path, side: int, bad: dict[Path, str] | None = None
) -> tuple[list[str], dict[str, Photos], str]:
    """Classes, photos of each split and checksum of a folder of folders.

    Each class is a folder of image files; its label is its place in the
    sorted list. Photos come in the order of their hashes: well mixed, and
    the same everywhere. What is in `bad` is left out, and what is refused
    joins it; without `bad`, that is an error.
    """
    folders = sorted(Path(folder).glob("[!.]*/"))  # no hidden ones, no files
    if len(folders) < 2:
        raise ValueError(
            f"{folder} has {len(folders)} folders of photos: make one for "
            "each kind of thing to tell apart, at least two"
        )
    classes = [f.name for f in folders]
    found, left_out = [], {} if bad is None else bad
    for label, place in enumerate(folders):
        named = [p for p in place.glob("[!.]*") if p not in left_out]
        photos = [
            p for p in named if p.is_dir() or p.suffix.lower() in SUFFIXES
        ]
        if not photos:
            raise ValueError(f"{place} holds no photo")
        for path in photos:
            if reason := refused(path):
                left_out[path] = reason
                continue
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            found.append((digest, path.name, path, label, split_of(content)))
    if bad is None and left_out:
        raise BadPhotos(left_out)
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
