"""A zoo of odd image files, read one by one, for training and to predict."""

import contextlib
import io
import os
import random
import re
import struct
import subprocess
import sys
import time
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import torch
from PIL import Image, PngImagePlugin
from torchvision.transforms.functional import pil_to_tensor

from alexnet_lib import checkpoint, model
from alexnet_lib.data import load_photos
from alexnet_lib.photos import BadPhotos, read_image
from tests.conftest import ROOT, load
from tests.faults import Outcome

NAME = "images"
PROMISE = (
    "Every image file is read as it looks, or refused by name with the "
    "reason, and none of them stops, slows or fills what reads it."
)
SMALL, FULL = 100, 20_000
SIDE, TOLERANCE, SECONDS = 32, 14, 5.0
MEMORY = 300e6  # bytes that reading all the bombs may need at most
TRAIN, PREDICT = "training", "predict.py"
ORIENTATION = 0x0112
# A name that is no UTF-8; only Linux takes any bytes
LATIN = os.fsdecode(b"latin\xe9.png") if sys.platform == "linux" else ""
# How a picture is stored for each orientation, so that it is seen upright
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
PEAK = """
import sys, warnings
from pathlib import Path
from alexnet_lib.photos import read_image

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(x.split()[1]) for x in lines if x.startswith("VmHWM"))

warnings.simplefilter("ignore")
before = peak()
for path in sys.argv[1:]:
    try:
        read_image(path, 32)
    except ValueError:
        pass
print(1024 * (peak() - before))
"""


class Odd(NamedTuple):
    """A file, how it looks (None: it must be refused), who passes it over."""

    name: str
    looks: Image.Image | None = None
    unseen: tuple[str, ...] = ()


def quarters(mode: str = "RGB") -> Image.Image:
    """A picture of four coloured quarters."""
    picture = Image.new("RGB", (64, 64), "red")
    picture.paste("lime", (32, 0, 64, 32))
    picture.paste("blue", (0, 32, 32, 64))
    picture.paste("yellow", (32, 32, 64, 64))
    return picture.convert(mode)


def on_white(mask: Image.Image) -> Image.Image:
    """The quarters where `mask` is white, else white."""
    white = Image.new("RGB", mask.size, "white")
    return Image.composite(quarters(), white, mask)


def upper_half(value: int = 0) -> Image.Image:
    """A mask: the upper half white, the lower half `value`."""
    mask = Image.new("L", (64, 64), 255)
    mask.paste(value, (0, 32, 64, 64))
    return mask


def png(head: tuple, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG file: width, height, bits and kind of colour, its rows."""
    packed = struct.pack(">IIBBBBB", *head, 0, 0, 0)
    parts = [(b"IHDR", packed), *chunks, (b"IDAT", zlib.compress(rows))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in [*parts, (b"IEND", b"")]
    )


def encoded(kind: str, **options: object) -> bytes:
    """The quarters as a file of this kind."""
    file = io.BytesIO()
    quarters().save(file, kind, **options)
    return file.getvalue()


def modes(folder: Path) -> Iterator[Odd]:
    """Every mode that Pillow has, in a format that keeps it."""
    kinds = (
        "1.png L.png P.png P.gif RGB.png RGB.bmp RGB.webp RGB.tif LA.png "
        "RGBA.png RGBA.webp CMYK.tif CMYK.jpg YCbCr.jpg L.jpg"
    )
    for name in kinds.split():
        picture = quarters().convert(name.partition(".")[0], dither=0)
        options = {"quality": 95} if name.endswith("jpg") else {}
        picture.save(folder / name, **options)
        yield Odd(name, picture.convert("RGB"))
    for mode, name in (("I", "I.tif"), ("F", "F.tif")):
        Image.new(mode, (9, 9), 700).save(folder / name)
        yield Odd(name)


def transparent(folder: Path) -> Iterator[Odd]:
    """What is transparent is seen on white."""
    for alpha in (0, 128):
        picture = quarters()
        picture.putalpha(upper_half(alpha))
        picture.save(folder / f"alpha{alpha}.png")
        yield Odd(f"alpha{alpha}.png", on_white(upper_half(alpha)))
    picture = quarters().quantize(4)
    clear = picture.getpixel((0, 0))
    picture.save(folder / "palette.png", transparency=clear)
    picture.save(folder / "palette.gif", transparency=clear)
    mask = Image.new("L", (64, 64), 255)
    mask.paste(0, (0, 0, 32, 32))
    for name in ("palette.png", "palette.gif"):
        yield Odd(name, on_white(mask))
    gray = quarters("L")
    clear = gray.getpixel((0, 0))
    gray.save(folder / "gray.png", transparency=clear)
    yield Odd("gray.png", gray.point(lambda v: 255 if v == clear else v))


def two_bytes(folder: Path) -> Iterator[Odd]:
    """Gray in two bytes: from 0 to 65,535, as a scanner writes it."""
    values = [0, 40 * 256, 140 * 256, 65535]
    looks = Image.new("L", (64, 64))
    words = []
    for y in range(64):
        for x in range(64):
            value = values[2 * (y // 32) + x // 32]
            looks.putpixel((x, y), value // 256)
            words.append(value)
    little, big = (struct.pack(f"{end}4096H", *words) for end in "<>")
    Image.frombytes("I;16", (64, 64), little).save(folder / "I16.png")
    Image.frombytes("I;16", (64, 64), little).save(folder / "I16.tif")
    Image.frombytes("I;16B", (64, 64), big).save(folder / "I16B.tif")
    for name in ("I16.png", "I16.tif", "I16B.tif"):
        yield Odd(name, looks)
    rows = b"".join(b"\0" + big[i : i + 128] for i in range(0, 8192, 128))
    for value in values[:3]:
        name = f"I16-clear{value}.png"
        chunk = (b"tRNS", struct.pack(">H", value))
        (folder / name).write_bytes(png((64, 64, 16, 0), rows, chunk))
        shown = looks.point(lambda v, c=value // 256: 255 if v == c else v)
        yield Odd(name, shown)


def turned(folder: Path) -> Iterator[Odd]:
    """The eight ways in which a camera may have been held."""
    for number in range(1, 9):
        picture = quarters()
        if number in STORED:
            picture = picture.transpose(STORED[number])
        exif = Image.Exif()
        exif[ORIENTATION] = number
        for kind in ("jpg", "png", "webp"):
            name = f"turned{number}.{kind}"
            picture.save(folder / name, exif=exif, quality=95)
            yield Odd(name, quarters())


def sizes(folder: Path) -> Iterator[Odd]:
    """As small, as long and as high as pictures come."""
    for size in ((1, 1), (1, 10_000), (10_000, 1)):
        picture = Image.new("RGB", size, "orange")
        name = "size{}x{}.png".format(*size)
        picture.save(folder / name)
        yield Odd(name, Image.new("RGB", (64, 64), "orange"))


def several(folder: Path) -> Iterator[Odd]:
    """Files of several pictures, of which the first is meant."""
    more = [quarters().transpose(Image.Transpose.ROTATE_180)] * 3
    options = {"save_all": True, "append_images": more, "quality": 95}
    for kind, name in {
        "GIF": "moving.gif",
        "WEBP": "moving.webp",
        "PNG": "moving.png",
        "TIFF": "pages.tif",
        "MPO": "phone.jpg",
    }.items():
        quarters().save(folder / name, kind, **options)
        yield Odd(name, quarters())


def valid(folder: Path) -> Iterator[Odd]:
    """Unusual files that any viewer shows."""
    jpeg = encoded("JPEG", quality=95)
    marker = b"\xff\xe1" + struct.pack(">H", 40) + b"Exif\0\0" + b"\xee" * 32
    broken = b"no profile" * 9
    contents = {
        "progressive.jpg": encoded("JPEG", progressive=True, quality=95),
        "tail.jpg": jpeg + b"garbage" * 1000,
        "exif.jpg": jpeg[:2] + marker + jpeg[2:],
        "icc.jpg": encoded("JPEG", icc_profile=broken, quality=95),
        "icc.png": encoded("PNG", icc_profile=broken),
        "png.jpg": encoded("PNG"),
        "jpg.png": jpeg,
        "UPPER.JPG": jpeg,
        "鬱金香.jpg": jpeg,
        "two words.png": encoded("PNG"),
        "🌷.png": encoded("PNG"),
        "two\nlines.png": encoded("PNG"),
        "-r.png": encoded("PNG"),
    }
    if LATIN:
        contents[LATIN] = encoded("PNG")
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        yield Odd(name, quarters())


def damaged(folder: Path) -> Iterator[Odd]:
    """Files cut off, of which nothing may be made up."""
    contents = {
        "jpg": encoded("JPEG", quality=95),
        "progressive.jpg": encoded("JPEG", progressive=True, quality=95),
        "png": encoded("PNG", compress_level=0),
        "gif": encoded("GIF"),
        "webp": encoded("WEBP"),
        "bmp": encoded("BMP"),
        "tif": encoded("TIFF"),
    }
    for kind, content in contents.items():
        for share in (3, 30, 60, 90):
            name = f"cut{share}.{kind}"
            length = len(content) * share // 100
            (folder / name).write_bytes(content[:length])
            yield Odd(name)
    whole = bytearray(encoded("PNG"))
    whole[16] ^= 1  # the width, which its checksum then denies
    (folder / "crc.png").write_bytes(whole)
    yield Odd("crc.png")


def pretenders(folder: Path) -> Iterator[Odd]:
    """Other things under the names of photos."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("photo.jpg", encoded("JPEG"))
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9"/></svg>'
    contents = {
        "empty.jpg": b"",
        "text.jpg": b"a daisy\n" * 9,
        "page.jpg": b"<!DOCTYPE html><html><body>404</body></html>",
        "script.jpg": encoded("EPS"),
        "script.png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "drawing.png": svg,
        "archive.png": packed.getvalue(),
        "paper.jpg": encoded("PDF"),
        "icon.png": encoded("ICO"),
        "targa.bmp": encoded("TGA"),
        "newer.jpg": encoded("JPEG2000"),
        "zeros.jpg": bytes(5000),
        "start.jpg": b"\xff\xd8\xff",
        "start.gif": b"GIF89a",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        yield Odd(name)


def bombs(folder: Path) -> Iterator[Odd]:
    """Small files that claim, or hold, more than memory should."""
    huge = (100_000, 100_000, 8, 2)
    (folder / "bomb-head.png").write_bytes(png(huge, b"\0" * 9))
    packed = Image.new("L", (8000, 8000))
    packed.save(folder / "bomb.png", compress_level=1)
    Image.new("1", (8000, 8000)).save(folder / "bomb-bits.png")
    gif = bytearray(encoded("GIF"))
    gif[6:10] = struct.pack("<HH", 60_000, 60_000)
    (folder / "bomb-head.gif").write_bytes(gif)
    gif = bytearray(encoded("GIF"))
    place = gif.index(b"\x2c\0\0\0\0") + 5
    gif[place : place + 4] = struct.pack("<HH", 8000, 8000)  # of its frame
    (folder / "bomb-frame.gif").write_bytes(gif)
    jpeg = encoded("JPEG")
    place = jpeg.index(b"\xff\xc0") + 5
    jpeg = (
        jpeg[:place] + struct.pack(">HH", 65_500, 65_500) + jpeg[place + 4 :]
    )
    (folder / "bomb-head.jpg").write_bytes(jpeg)
    text = PngImagePlugin.PngInfo()
    text.add_text("bomb", "0" * 10**7, zip=True)
    quarters().save(folder / "bomb-text.png", pnginfo=text)
    starts = {
        "sparse.jpg": b"",
        "sparse.webp": b"RIFF" + struct.pack("<I", 2**30) + b"WEBPVP8 ",
    }
    for name, start in starts.items():
        with open(folder / name, "wb") as file:
            file.write(start)
            file.truncate(2**30)
    yield from map(Odd, sorted(p.name for p in folder.glob("*bomb*")))
    yield from map(Odd, starts)


def no_files(folder: Path) -> Iterator[Odd]:
    """What stands in a folder and is no photo file of its own."""
    good = encoded("PNG")
    (folder / ".hidden.jpg").write_bytes(good)
    yield Odd(".hidden.jpg", quarters(), (TRAIN, PREDICT))
    for name in ("._resource.jpg", "Thumbs.db", "manifest.csv"):
        (folder / name).write_bytes(b"no photo at all")
        yield Odd(name, None, (TRAIN, PREDICT))
    for name in ("folder.jpg", "nested"):
        (folder / name).mkdir()
        inside = f"{name}/inside-{name}.png"
        (folder / inside).write_bytes(good)
        yield Odd(name, None, (PREDICT,))
        yield Odd(inside, quarters(), (TRAIN,))
    (folder / "target.png").write_bytes(good)
    yield Odd("target.png", quarters())
    (folder / "link.png").symlink_to("target.png")
    yield Odd("link.png", quarters())
    (folder / "broken.jpg").symlink_to("gone.jpg")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    os.mkfifo(folder / "pipe.jpg")
    yield from map(Odd, ("broken.jpg", "loop.jpg", "pipe.jpg"))
    if os.geteuid():  # root may read everything
        (folder / "secret.png").write_bytes(good)
        (folder / "secret.png").chmod(0)
        yield Odd("secret.png")


KINDS: list[Callable[[Path], Iterator[Odd]]] = [
    modes,
    transparent,
    two_bytes,
    turned,
    sizes,
    several,
    valid,
    damaged,
    pretenders,
    bombs,
    no_files,
]


def make_plain(folder: Path) -> None:
    """Two classes of plain photos, some in each split."""
    for name in ("odd", "plain"):
        (folder / name).mkdir(parents=True)
        for i in range(30):
            color = (i, len(name), ord(name[0]))
            picture = Image.new("RGB", (9, 9), color)
            picture.save(folder / name / f"plain{i}.png")


def make_zoo(folder: Path) -> list[Odd]:
    """All the odd files, in `folder`, and two classes of plain photos."""
    make_plain(folder)
    (folder / "manifest.csv").write_text("class,file\n")
    return [odd for kind in KINDS for odd in kind(folder / "odd")]


def differs(image: torch.Tensor, looks: Image.Image) -> str:
    """How the centres of the quarters differ from what they look like."""
    square = looks.convert("RGB").resize((SIDE, SIDE), Image.NEAREST)
    wanted, found = (
        pixels[:, SIDE // 4 :: SIDE // 2, SIDE // 4 :: SIDE // 2].int()
        for pixels in (pil_to_tensor(square), image)
    )
    if (wanted - found).abs().max() <= TOLERANCE:
        return ""
    return f"{found.flatten(1).T.tolist()}, not {wanted.flatten(1).T.tolist()}"


def named(path: Path, text: str) -> list[str]:
    """Where a text names this file, and not one whose name begins so."""
    return re.findall(re.escape(str(path)) + r"(?=: | is | has | may )", text)


def unclear(message: str, path: Path) -> str:
    """What is wrong with a message that refuses the file at `path`."""
    reason = message.removeprefix("cannot read ").removeprefix(str(path))
    plain = reason != message and len(reason) < 90 and "\n" not in reason
    return "" if plain else f"message: {message!r}"


def read_one(path: Path, looks: Image.Image | None) -> Outcome:
    """Read a file that looks so, or that must be refused."""
    start = time.perf_counter()
    try:
        image = read_image(path, SIDE)
        wrong = differs(image, looks) if looks else "read, not refused"
        said = "read as it looks"
    except ValueError as error:
        said = str(error)
        wrong = f"refused: {said}" if looks else unclear(said, path)
    except Exception as error:
        wrong = f"{type(error).__name__}: {error}"
    if time.perf_counter() - start > SECONDS:
        wrong = "slow"
    return Outcome(f"{path.name!r} read alone", not wrong, wrong or said)


def train_all(folder: Path, zoo: list[Odd], apart: Path) -> Iterator[Outcome]:
    """Load the whole zoo for training; compare with the good files alone."""
    seen = [odd for odd in zoo if TRAIN not in odd.unseen]
    wanted = {folder / "odd" / odd.name for odd in seen if not odd.looks}
    try:
        load_photos("zoo", folder, SIDE)
        bad = {}
    except BadPhotos as error:
        bad = error.bad
        counts = [len(named(path, str(error))) for path in bad]
        once = set(counts) == {1}
        yield Outcome("all bad files named once", once, f"{len(bad)} files")
    for odd in zoo:
        path = folder / "odd" / odd.name
        right = (path in bad) == (path in wanted)
        said = bad.get(path, "not refused")
        yield Outcome(f"{odd.name!r} for training", right, said)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        inner = path.relative_to(folder)
        if path not in bad and "inside" not in inner.name:
            (apart / inner).parent.mkdir(parents=True, exist_ok=True)
            os.link(os.path.realpath(path), apart / inner)
    skipped, alone = (
        load_photos("zoo", folder, SIDE, skip_bad=True),
        load_photos("zoo", apart, SIDE),
    )
    same = skipped.checksum == alone.checksum and all(
        getattr(skipped, split).images.equal(getattr(alone, split).images)
        and getattr(skipped, split).labels.equal(getattr(alone, split).labels)
        for split in ("train", "val", "test")
    )
    same = same and set(skipped.skipped) == wanted and not alone.skipped
    yield Outcome("bad files left out", same, f"{len(wanted)} files")


def call(main: Callable, *argv: object) -> tuple[int, str, str]:
    """Exit code, output and errors of a script's main function."""
    with (
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as err,
    ):
        code = main([str(word) for word in argv])
    return code, out.getvalue(), err.getvalue()


def predict_all(
    folder: Path, zoo: list[Odd], scratch: Path
) -> Iterator[Outcome]:
    """Run predict.py over the whole zoo, with an untrained network."""
    card = {
        "arch": "alexnet_small",
        "arguments": {"channels": 3, "num_classes": 2},
        "classes": ["odd", "plain"],
        "image": {"side": 96, "channels": 3},
        "preprocess": {
            "resize": 96,
            "crop": 96,
            "mean": [0.5] * 3,
            "std": [0.5] * 3,
        },
    }
    weights = model.alexnet_small(3, 2).state_dict()
    checkpoint.save_file({"card": card, "model": weights}, scratch / "net.pt")
    predict = load("scripts/predict.py")
    code, out, err = call(
        predict.main, folder, "--checkpoint", scratch / "net.pt"
    )
    yield Outcome("predict.py: exit code", code == 1, str(code))
    for odd in zoo:
        path = folder / "odd" / odd.name
        times = len(named(path, out)), len(named(path, err))
        looked_at = PREDICT not in odd.unseen
        wanted = (bool(looked_at and odd.looks), looked_at and not odd.looks)
        said = "named {} times, refused {} times".format(*times)
        yield Outcome(f"{odd.name!r} by predict.py", times == wanted, said)


def train_script(
    folder: Path, bad: list[str], scratch: Path
) -> Iterator[Outcome]:
    """Run train.py over the zoo, as it is and with --skip-bad."""
    train = load("scripts/train.py")
    command = ["flowers", "--size", "small", "--data", folder.parent]
    command += ["--images", 20, "--epochs", 1, "--device", "cpu", "--out"]
    with mock.patch.object(train, "keep_memory"):  # not in this process
        for more, wanted in (([], 1), (["--skip-bad"], 0)):
            out = scratch / f"run{wanted}"
            code, said, err = call(train.main, *command, out, *more)
            told = sum(len(named(folder / "odd" / n, err)) for n in bad)
            right = code == wanted and told == len(bad)
            right = right and "Traceback" not in err
            trained = (out / "best.pt").exists() and "test accuracy" in said
            right = right and trained == (wanted == 0)
            name = " ".join(["train.py", *more])
            yield Outcome(name, right, f"exit code {code}, {told} named")


def peak_of(paths: list[Path]) -> int:
    """Bytes by which reading these files raises the peak of a process."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *paths],
        capture_output=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return int(done.stdout)


def spoil(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """A file damaged at random, and how."""
    place = rng.randrange(len(content))
    length = min(rng.randint(1, 64), len(content) - place)
    end = place + length
    way = rng.choice(("cut off", "overwritten", "zeroed", "left out", "twice"))
    middle = {
        "cut off": b"",
        "overwritten": rng.randbytes(length),
        "zeroed": bytes(length),
        "left out": b"",
        "twice": 2 * content[place:end],
    }[way]
    after = b"" if way == "cut off" else content[end:]
    return f"{way} at {place:,}, {length} bytes", content[
        :place
    ] + middle + after


def spoiled(folder: Path, rng: random.Random, count: int) -> Iterator[Outcome]:
    """Random damage: refused with a clear message, or read as something."""
    contents = {
        kind: encoded(kind) for kind in "JPEG PNG WEBP BMP GIF TIFF".split()
    }
    contents["progressive JPEG"] = encoded("JPEG", progressive=True)
    path = folder / "spoiled.jpg"
    for _ in range(count):
        kind = rng.choice(list(contents))
        way, content = spoil(contents[kind], rng)
        path.write_bytes(content)
        start = time.perf_counter()
        try:
            image = read_image(path, SIDE)
            whole = image.shape == (3, SIDE, SIDE)
            said, wrong = "read", "" if whole else f"of {image.shape}"
            if way.startswith("cut off"):  # then nothing may be made up
                wrong = wrong or differs(image, quarters())
        except ValueError as error:
            said, wrong = str(error), unclear(str(error), path)
        except Exception as error:
            wrong = f"{type(error).__name__}: {error}"
        if time.perf_counter() - start > SECONDS:
            wrong = "slow"
        yield Outcome(f"{kind} {way}", not wrong, wrong or said)


def outcomes(
    folder: Path, rng: random.Random, count: int
) -> Iterator[Outcome]:
    """The zoo in all ways, the memory of its bombs, `count` damaged files."""
    photos, scratch = folder / "data" / "flower_photos", folder / "scratch"
    scratch.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, about what it repairs
        zoo = make_zoo(photos)
        for odd in zoo:
            yield read_one(photos / "odd" / odd.name, odd.looks)
        yield from train_all(photos, zoo, folder / "apart")
        yield from predict_all(photos, zoo, scratch)
        seen = [odd for odd in zoo if TRAIN not in odd.unseen]
        bad = [odd.name for odd in seen if not odd.looks]
        yield from train_script(photos, bad, scratch)
        if sys.platform == "linux":
            names = [p for p in (photos / "odd").iterdir() if bomb(p)]
            peak = peak_of(names)
            said = f"{peak / 1e6:.0f} MB for {len(names)} files"
            yield Outcome("memory for the bombs", peak < MEMORY, said)
        yield from spoiled(scratch, rng, count)


def bomb(path: Path) -> bool:
    """Whether this is one of the bombs."""
    return path.name.startswith(("bomb", "sparse"))
