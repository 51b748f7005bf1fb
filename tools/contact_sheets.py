"""Make the contact sheets of the drawn data: every class, eight each.

Examples:
    python tools/contact_sheets.py
        writes book/images/drawn_garments.png and drawn_flowers.jpg, at
        reading size, and the same with _small, at 28 and 96 pixels
    python tools/contact_sheets.py --unlabelled --out sheets --key key.txt
        the same for fresh eyes: rows shuffled, classes in key.txt only
"""

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps
from torchvision.datasets import FashionMNIST, ImageFolder

from alexnet_lib.drawings import fashion_folder, flowers_folder

EACH = 8
PAPER, INK = (255, 255, 255), (32, 32, 32)
READING = 112  # pixels: the size at which a page shows one picture
LETTERS = 28  # pixels: a phone shows the sheet at a third of its size
IMAGES = Path(__file__).resolve().parents[1] / "book" / "images"
Rows = dict[str, list[Image.Image]]


def garments() -> Rows:
    """Return the first eight drawn garments of each class."""
    data = FashionMNIST(fashion_folder(), train=True)
    rows: Rows = {name: [] for name in data.classes}
    for image, label in data:
        row = rows[data.classes[label]]
        if len(row) < EACH:
            row.append(image.convert("RGB"))
        if all(len(row) == EACH for row in rows.values()):
            break
    return rows


def flowers() -> Rows:
    """Return the first eight drawn flowers of each class."""
    data = ImageFolder(flowers_folder())
    return {
        name: [
            Image.open(path).convert("RGB")
            for path, label in data.samples
            if data.classes[label] == name
        ][:EACH]
        for name in data.classes
    }


def fit(image: Image.Image, side: int) -> Image.Image:
    """Return the picture in a square of this side, all of it visible."""
    smooth = Image.Resampling.BICUBIC
    return ImageOps.pad(image, (side, side), smooth, color=PAPER)


def sheet(
    rows: Rows, names: Sequence[str], sides: Sequence[int]
) -> Image.Image:
    """Return one row for each class, a block of columns for each size."""
    font = ImageFont.load_default(LETTERS)
    gap, margin = 3, 24 + int(max(map(font.getlength, names)))
    step = max(sides) + gap
    widths = [EACH * (side + gap) + 12 for side in sides]
    page = Image.new(
        "RGB", (margin + sum(widths), len(rows) * step + gap), PAPER
    )
    draw = ImageDraw.Draw(page)
    for at, (name, images) in enumerate(
        zip(names, rows.values(), strict=True)
    ):
        y = gap + at * step
        draw.text((8, y + step // 2), name, INK, font, anchor="lm")
        for block, side in enumerate(sides):
            x = margin + sum(widths[:block])
            for k, image in enumerate(images):
                top = y + (max(sides) - side) // 2
                page.paste(fit(image, side), (x + k * (side + gap), top))
    return page


def save(page: Image.Image, path: Path, gray: bool) -> None:
    """Write a small file: gray without loss, colour as JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if gray:
        page = page.convert("L").quantize(32)
    page.save(path, optimize=True, quality=88)
    print(f"{path}: {page.width} x {page.height}, {path.stat().st_size} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=IMAGES, help="a folder")
    parser.add_argument("--unlabelled", action="store_true")
    parser.add_argument("--key", type=Path, help="where the classes go")
    options = parser.parse_args()
    if options.unlabelled and not options.key:
        parser.error("--unlabelled needs --key FILE for the classes")
    for kind, rows in (("garments", garments()), ("flowers", flowers())):
        names = list(rows)
        if options.unlabelled:
            random.shuffle(names)
            rows = {name: rows[name] for name in names}
            with options.key.open("a") as key:
                for number, name in enumerate(names, start=1):
                    print(kind, number, name, sep="\t", file=key)
            names = [f"row {number + 1}" for number in range(len(names))]
        for suffix, sides in (("_small", (28, 96)), ("", (READING,))):
            gray = kind == "garments"
            name = f"drawn_{kind}{suffix}{'.png' if gray else '.jpg'}"
            save(sheet(rows, names, sides), options.out / name, gray)


if __name__ == "__main__":
    main()
