"""Drawing tools: a pen for garments, a sheet and colours for flowers.

Outlines are computed with floats, but what is drawn is whole pixels and whole
shades, so that every processor draws the same bytes.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.random import RandomState
from PIL import Image, ImageDraw, ImageFilter

ZOOM = 6  # a garment is drawn this many times larger than it ends
SIDE = 28 * ZOOM

Numbers = np.ndarray | float
Points = Sequence[tuple[float, float]]
Colour = tuple[int, ...]  # red, green, blue and, if not solid, alpha


def smooth(points: Points, rounds: int = 2) -> Points:
    """Round the corners of a closed outline by cutting them off."""
    for _ in range(rounds):
        following = [*points[1:], points[0]]
        points = [
            (a * s + c * (1 - s), b * s + d * (1 - s))
            for (a, b), (c, d) in zip(points, following, strict=True)
            for s in (0.75, 0.25)
        ]
    return points


def mirror(points: Points) -> Points:
    """Close a right half, listed from the top down, with its left half."""
    return [*points, *((-x, y) for x, y in reversed(points))]


def weave(rng: RandomState, kind: str) -> Image.Image:
    """Return a square of cloth: its shade, its pattern and its folds."""
    low, high = ((70, 120), (120, 240), (120, 240))[rng.randint(3)]
    shade = rng.randint(low, high)
    other = shade + rng.choice([-1, 1]) * rng.randint(40, 100)
    other = max(45, min(255, int(other)))
    cloth = Image.new("L", (SIDE, SIDE), shade)
    draw = ImageDraw.Draw(cloth)
    step = rng.randint(14, 34)
    wide, start = max(6, step * rng.randint(25, 65) // 100), rng.randint(step)
    if kind == "blocks":
        edge = rng.randint(SIDE // 3, SIDE * 2 // 3)
        draw.rectangle((0, edge, SIDE, SIDE), other)
    if kind == "ribs":
        other, step, wide = shade * 3 // 4, 11, 4
    for at in range(start, SIDE, step):
        if kind in ("stripes", "checks", "ribs"):
            draw.rectangle((0, at, SIDE, at + wide - 1), other)
        if kind in ("pinstripes", "checks"):
            draw.rectangle((at, 0, at + wide // 2, SIDE), other)
        if kind == "quilt":
            draw.line((0, at, SIDE, at), shade * 2 // 3, width=4)
        for x in range(start * 7 % step, SIDE, step) if kind == "dots" else ():
            draw.ellipse((x, at, x + wide, at + wide), other)
    folds = Image.new("L", (SIDE, SIDE), 128)
    draw = ImageDraw.Draw(folds)
    for _ in range(rng.randint(4, 10)):
        x, y = rng.randint(0, SIDE, 2).tolist()
        end = x + rng.randint(-30, 31), y + rng.randint(10, 90)
        tone = 128 + rng.randint(-55, 45)
        draw.line((x, y, *end), tone, rng.randint(5, 14))
    light = np.asarray(folds.filter(ImageFilter.BoxBlur(5)), np.int32) + 128
    lit = np.asarray(cloth, np.int32) * light // 256
    return Image.fromarray(np.clip(lit, 18, 255).astype(np.uint8))


class Pen:
    """Draws one garment: turned, scaled, shifted, perhaps facing right."""

    def __init__(self, rng: RandomState, cloth: str) -> None:
        self.rng, self.cloth = rng, weave(rng, cloth)
        self.image = Image.new("L", (SIDE, SIDE))
        self.draw = ImageDraw.Draw(self.image)
        turn, size = rng.uniform(-0.24, 0.24), rng.uniform(0.66, 0.95)
        wide = size * rng.uniform(0.88, 1.08) * rng.choice([-1, 1])
        self.turn = math.cos(turn), math.sin(turn)
        self.size = wide * SIDE / 2, size * SIDE / 2
        self.middle = rng.uniform(-2.5, 2.5, 2) * ZOOM + SIDE / 2
        self.dark = int(rng.randint(0, 45))
        self.light = int(rng.randint(180, 256))

    def place(self, points: Points) -> list[tuple[int, int]]:
        """Return whole pixels of the large picture for these points."""
        (cos, sin), (wide, high), (mx, my) = self.turn, self.size, self.middle
        return [
            (
                round(mx + x * wide * cos - y * high * sin),
                round(my + x * wide * sin + y * high * cos),
            )
            for x, y in points
        ]

    def part(self, points: Points, light: float = 1, rounds: int = 2) -> None:
        """Cut a piece out of the cloth and lay it on the picture."""
        mask = Image.new("L", (SIDE, SIDE))
        ImageDraw.Draw(mask).polygon(self.place(smooth(points, rounds)), 255)
        gain = round(light * 100)
        table = [min(255, value * gain // 100) for value in range(256)]
        self.image.paste(self.cloth.point(table), mask=mask)

    def shape(self, points: Points, shade: int, rounds: int = 2) -> None:
        """Fill an outline with one shade."""
        self.draw.polygon(self.place(smooth(points, rounds)), shade)

    def line(self, points: Points, shade: int, width: int = 4) -> None:
        """Draw a seam, a lace or a strap; the width is in large pixels."""
        pixels, half = self.place(points), width // 2
        self.draw.line(pixels, shade, width)
        for x, y in pixels[1:-1]:
            box = (x - half, y - half, x + half, y + half)
            self.draw.ellipse(box, shade)

    def dot(self, x: float, y: float, shade: int, radius: int = 4) -> None:
        """Draw a button or a buckle."""
        ((x, y),) = self.place([(x, y)])
        box = (x - radius, y - radius, x + radius, y + radius)
        self.draw.ellipse(box, shade)

    def finish(self) -> np.ndarray:
        """Return the picture at its size, lit from one side, with noise."""
        small = np.asarray(self.image.reduce(ZOOM), np.int32)
        gain, across, down = self.rng.randint((190, -5, -4), (300, 6, 5))
        ramp = np.arange(28) - 14
        light = gain + across * ramp + down * ramp[:, None]
        noise = self.rng.randint(-11, 12, (2, 28, 28)).sum(0)
        picture = small * light // 256 + noise * (small > 12)
        return np.clip(picture, 0, 255).astype(np.uint8)


def outline(*half: tuple[float, float]) -> np.ndarray:
    """Return a closed shape from the points of one half, foot to tip."""
    shape = np.array([*half, *((x, -y) for x, y in reversed(half))])
    following = np.roll(shape, -1, 0)
    cut = [shape * 0.75 + following * 0.25, shape * 0.25 + following * 0.75]
    return np.stack(cut, 1).reshape(-1, 2)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """Return the colour at this share of the way from a to b."""
    part = round(share * 64)
    mixed = (p * (64 - part) + q * part for p, q in zip(a, b, strict=True))
    return tuple(value // 64 for value in mixed)


def lit(colour: Colour, light: float) -> Colour:
    """Return the colour in more light, above 1, or in less."""
    part = round(light * 64)
    return tuple(min(255, value * part // 64) for value in colour)


def blend(first: Colour, last: Colour, steps: int) -> list[Colour]:
    """Return colours from the first to the last."""
    return [mix(first, last, step / (steps - 1)) for step in range(steps)]


def way(angle: Numbers, length: Numbers = 1) -> np.ndarray:
    """Return the points at these angles and distances."""
    return np.stack([np.cos(angle) * length, np.sin(angle) * length], -1)


def turned(points: np.ndarray, angle: Numbers) -> np.ndarray:
    """Return the points turned about the origin."""
    x, y = points[..., 0], points[..., 1]
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([x * cos - y * sin, x * sin + y * cos], -1)


def shrunk(points: np.ndarray, focus: np.ndarray, steps: int) -> np.ndarray:
    """Return outlines one in another, each nearer to the focus."""
    shares = 1 - 0.75 * np.arange(steps) / (steps - 1)
    return focus + (points - focus) * shares[:, None, None]


class Sheet:
    """A picture drawn in its final coordinates, but larger or smaller."""

    def __init__(self, image: Image.Image, zoom: float) -> None:
        self.image, self.zoom = image, zoom
        # Solid colours need no blending: that is faster.
        solid, clear = ImageDraw.Draw(image), ImageDraw.Draw(image, "RGBA")
        self.draw = {3: solid, 4: clear}

    def pixels(self, points: np.ndarray) -> list:
        """Return whole pixels of this sheet: x, y, x, y for each outline."""
        whole = np.rint(np.asarray(points) * self.zoom).astype(int)
        return whole.reshape(*whole.shape[:-2], -1).tolist()

    def fill(self, points: np.ndarray, colour: Colour) -> None:
        """Fill an outline."""
        self.draw[len(colour)].polygon(self.pixels(points), colour)

    def line(self, points: np.ndarray, colour: Colour, width: float) -> None:
        """Draw a line through the points."""
        wide = max(1, round(width * self.zoom))
        self.draw[len(colour)].line(self.pixels(points), colour, wide)

    def shaded(
        self, points: np.ndarray, focus: np.ndarray, colours: list[Colour]
    ) -> None:
        """Fill an outline, from the first colour at its edge to the last."""
        layers = self.pixels(shrunk(points, focus, len(colours)))
        for layer, colour in zip(layers, colours, strict=True):
            self.draw[3].polygon(layer, colour)


def develop(rng: RandomState, image: Image.Image) -> Image.Image:
    """Light the picture from a side, tint it and add a camera's noise."""
    tints = (rng.randint(200, 310) + rng.randint(-12, 13, 3)).tolist()
    table = [min(255, v * tint // 256) for tint in tints for v in range(256)]
    pixels = np.asarray(image.point(table), np.int16)
    high, wide, _ = pixels.shape
    across, down = rng.randint(-30, 31, 2)
    ramp = across * np.arange(wide) // wide
    ramp = ramp + (down * np.arange(high) // high)[:, None]
    noise = np.frombuffer(rng.bytes(pixels.size), np.uint8) % 16
    pixels = pixels + ramp[..., None].astype(np.int16) - 8
    pixels = pixels + noise.reshape(pixels.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
