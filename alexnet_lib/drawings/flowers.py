"""Drawn flowers: five kinds, in colour, photos of mixed size and shape.

A flower is built petal by petal in its own plane (its radius is 1), which is
turned, tilted and set into the picture. A background is drawn small and
blurred, the flowers in front twice too large and reduced.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.random import RandomState
from PIL import Image, ImageFilter

from .canvas import (
    Colour,
    Sheet,
    blend,
    develop,
    lit,
    mix,
    outline,
    shrunk,
    turned,
    way,
)

FLOWERS = ("daisy", "dandelion", "roses", "sunflowers", "tulips")
GOLDEN = 2.399963  # from one seed of a sunflower to the next, in radians

# Colours of the petals: at the edge, in the middle, at the foot.
PETALS = {
    "daisy": "d9dcec ffffff c9cfae, e3d6e4 fff4fb cfc0a0,f0d4e2 fbeaf2 b98aa0",
    "dandelion": "e0a800 ffe23a c98a00, e8b810 fff060 d08800",
    "roses": "a00c20 e8404c 5c0410, d8577c fbb4c6 983050,"
    "d8c8a8 fffaf0 a89870, d89c20 ffe080 b06a10, c04a18 ff9a50 8a2c08,"
    "780818 c8202c 3c0008",
    "sunflowers": "d88a00 ffc818 a85800, e8a000 ffdc3c b86c00",
    "tulips": "a00818 ee3038 600010, d8a000 ffe040 a87010,"
    "581060 a850b8 380840, d0508c f8a8cc 983068, d0d0c4 f6f4ee a8b088,"
    "c84808 ff8c30 e0b020",
}
STEMS = {
    # width of the stem; length, width and angle of the leaves
    "daisy": (0.08, (0.8, 1.5), 0.13, (0.5, 1.3)),
    "dandelion": (0.1, (0.8, 1.5), 0.16, (0.5, 1.3)),
    "roses": (0.12, (0.8, 1.4), 0.28, (0.5, 1.3)),
    "sunflowers": (0.14, (0.8, 1.4), 0.32, (0.5, 1.3)),
    "tulips": (0.12, (2.0, 3.2), 0.1, (0.1, 0.4)),
}
SCENES = {
    # colour far away, colour near, colour of the spots of light
    "grass": ((96, 140, 60), (40, 84, 24), (150, 180, 80)),
    "sky": ((120, 170, 232), (190, 216, 240), (244, 248, 255)),
    "shade": ((30, 56, 32), (14, 30, 16), (80, 120, 60)),
    "soil": ((120, 92, 66), (74, 54, 36), (160, 130, 96)),
    "haze": ((196, 206, 170), (120, 150, 90), (236, 236, 214)),
    "dusk": ((226, 160, 110), (92, 70, 70), (255, 210, 150)),
    "wall": ((168, 164, 160), (130, 124, 118), (196, 190, 184)),
}
CIRCLE = way(np.arange(24) * (math.pi / 12))
ROUND = outline((0, 0.4), (0.3, 0.75), (0.7, 1), (0.95, 0.8), (1, 0.2))
POINTED = outline((0, 0.5), (0.3, 1), (0.6, 0.9), (0.85, 0.4), (1.04, 0))
CUT_OFF = outline((0, 0.5), (0.5, 0.8), (0.9, 1), (1, 0.7), (0.94, 0.1))
LEAF = outline((0, 0.1), (0.25, 0.8), (0.5, 1), (0.8, 0.5), (1.05, 0))
CUP = outline((0, 0.5), (0.06, 0.85), (0.4, 1), (0.75, 0.7), (1.06, 0.0))


class Head:
    """A flower's place, size, turn, tilt and colours."""

    def __init__(
        self,
        sheet: Sheet,
        rng: RandomState,
        spot: np.ndarray,
        radius: float,
        colours: Sequence[Colour],
    ) -> None:
        self.sheet, self.rng, self.spot, self.radius = sheet, rng, spot, radius
        self.edge, self.middle, self.foot = colours
        self.light = rng.uniform(0, 6.28)
        self.near = radius * sheet.zoom > 40
        self.steps = 3 if self.near else 2
        self.aim(rng.uniform(0, 6.28), rng.uniform(0.55, 1))

    def aim(self, turn: float, tilt: float) -> None:
        """Turn the flower's own plane and tilt it away from the eye."""
        self.turn, self.tilt = turn, tilt
        (x, y), side = way(turn, self.radius), tilt
        self.matrix = np.array([[x, y], [-y * side, x * side]])

    def place(self, points: np.ndarray) -> np.ndarray:
        """Return where in the picture these points of the flower are."""
        return points @ self.matrix + self.spot

    def ring(
        self, shape: np.ndarray, count: int, span: Sequence[float], wide: float
    ) -> None:
        """Draw petals all around, each with its shadow, in no order."""
        rng, (start, end) = self.rng, span
        order = rng.permutation(count) * 2 * math.pi / count
        angle = order + rng.uniform(0, 6.28) + rng.uniform(-0.09, 0.09, count)
        long = (end - start) * rng.uniform(0.85, 1.05, count)
        size = np.stack([long, wide * rng.uniform(0.85, 1.15, count)], 1)
        own = shape * size[:, None] + (start, 0)
        points = self.place(turned(own, angle[:, None]))[:, None]
        foot = self.place(way(angle, start))[:, None, None]
        focus = self.place(way(angle, start + long * 0.62))[:, None, None]
        light = 1 + 0.13 * np.cos(angle + self.turn - self.light)
        light += rng.uniform(-0.07, 0.07, count)
        under = points + self.radius * 0.025
        inner = shrunk(points, focus, self.steps)
        lower = foot + (points - foot) * 0.42
        layers = self.sheet.pixels(np.concatenate([under, inner, lower], 1))
        clear, solid = self.sheet.draw[4], self.sheet.draw[3]
        shadow = (*lit(self.foot, 0.35), 70)
        colours = blend(self.edge, self.middle, self.steps)
        for petal, bright in zip(layers, light.tolist(), strict=True):
            clear.polygon(petal[0], shadow)
            for layer, colour in zip(petal[1:-1], colours, strict=True):
                solid.polygon(layer, lit(colour, bright))
            if self.near:
                clear.polygon(petal[-1], (*self.foot, 100))

    def disc(self, radius: float, colours: list[Colour], seeds: int) -> None:
        """Draw a round middle, with its seeds in spirals."""
        dark, middle, bright = colours
        shadow = self.place(CIRCLE * radius * 1.08 + 0.03)
        self.sheet.fill(shadow, (20, 20, 0, 90))
        focus = self.spot - self.radius * radius * 0.25
        tones = blend(dark, middle, 5)
        self.sheet.shaded(self.place(CIRCLE * radius), focus, tones)
        seeds = seeds if self.near else seeds // 3
        k = np.arange(seeds)
        spots = way(k * GOLDEN, radius * 0.97 * np.sqrt(k / seeds))
        seed = CIRCLE[::4] * (radius * 0.75 / math.sqrt(seeds))
        tones = blend(bright, dark, 9)
        for one in self.sheet.pixels(self.place(spots[:, None] + seed)):
            colour = tones[self.rng.randint(7)]
            self.sheet.draw[4].polygon(one, (*colour, 170))


def draw_daisy(head: Head) -> None:
    """Draw narrow petals around a yellow disc."""
    count, core = head.rng.randint(13, 26), head.rng.uniform(0.26, 0.36)
    width = head.rng.uniform(1.6, 2.4) / count
    for end in (1, 0.93)[: head.rng.randint(1, 3)]:
        head.ring(ROUND, count, (core * 0.7, end), width)
    head.disc(core, [(176, 104, 0), (246, 190, 20), (255, 226, 80)], 60)


def draw_sunflower(head: Head) -> None:
    """Draw broad pointed petals around a large brown disc."""
    u, count = head.rng.uniform, head.rng.randint(15, 26)
    core = u(0.4, 0.56)
    for end in (1, 0.9):
        head.ring(POINTED, count, (core * 0.8, end), u(2.1, 2.9) / count)
    brown = lit((92, 52, 20), u(0.6, 1.2))
    green = mix((60, 40, 16), (120, 120, 40), u(0, 1))
    head.disc(core, [lit(brown, 0.5), brown, (150, 96, 30)], 130)
    inner = [lit(brown, 0.6), green, lit(green, 1.3)]
    head.disc(core * u(0.4, 0.6), inner, 30)


def draw_dandelion(head: Head) -> None:
    """Draw dense narrow rays in layers; three in ten are gone to seed."""
    if head.rng.randint(10) < 3:
        draw_clock(head)
        return
    rng, sheet, layers = head.rng, head.sheet, 6 if head.near else 4
    tones = blend(head.edge, head.middle, 8)
    for layer in range(layers):
        count, end = 30 - 3 * layer, 1 - 0.85 * layer / layers
        angle = rng.permutation(count) * 2 * math.pi / count + layer
        long = end * rng.uniform(0.82, 1.04, (count, 1, 1))
        rays = CUT_OFF * (1, 0.055) * np.concatenate([long, long**0], 2)
        points = head.place(turned(rays, angle[:, None]))
        shadows = sheet.pixels(points + head.radius * 0.03)
        for ray, shadow in zip(sheet.pixels(points), shadows, strict=True):
            sheet.draw[4].polygon(shadow, (*head.foot, 80))
            tone = tones[rng.randint(1, 8)]
            sheet.draw[3].polygon(ray, lit(tone, 0.8 + 0.25 * layer / layers))


def draw_clock(head: Head) -> None:
    """Draw a dandelion's ball of seeds."""
    sheet, radius = head.sheet, head.radius
    head.aim(head.turn, 1)
    sheet.fill(head.place(CIRCLE), (235, 238, 240, 50))
    sheet.fill(head.place(CIRCLE * 0.8), (245, 245, 245, 40))
    count = 90 if head.near else 40
    k = np.arange(count)[::-1]
    # Spots spread evenly over the half of a ball that faces the eye.
    spots = way(k * GOLDEN, np.sqrt(1 - (1 - k / count) ** 2))
    hairs = way(np.arange(5) * 1.2566 + k[:, None], 0.13)
    tips = head.place(spots[:, None] * 0.9 + hairs)
    for spot, ends in zip(spots, tips, strict=True):
        end, near, far = head.place(spot * [[0.86], [0.2], [0.3]])
        sheet.line([head.spot, end], (225, 225, 215, 70), radius * 0.012)
        sheet.line([near, far], (90, 70, 40, 200), radius * 0.03)
        star = np.stack([ends, np.broadcast_to(end, ends.shape)], 1)
        sheet.line(star.reshape(-1, 2), (255, 255, 255, 160), radius * 0.01)
    sheet.fill(head.place(CIRCLE * 0.13), (110, 90, 50, 200))


def draw_rose(head: Head) -> None:
    """Draw round petals, one on another, in a spiral towards the middle."""
    rng, sheet, count = head.rng, head.sheet, head.rng.randint(15, 24)
    head.aim(head.turn, max(head.tilt, 0.75))
    for k in range(count):
        left, angle = 1 - k / count, k * GOLDEN + rng.uniform(-0.2, 0.2)
        size, reach = 0.18 + 0.44 * left, 0.56 * left**0.9
        wave = 1 + rng.uniform(-0.05, 0.05, (24, 1))
        lobe = turned(CIRCLE * wave * (0.8 * size, 1.1 * size), angle)
        points = head.place(lobe + way(angle, reach))
        focus = head.place(way(angle, reach - size * 0.6))
        light = 0.66 + 0.4 * left
        light += 0.14 * math.cos(angle + head.turn - head.light)
        deep = mix(head.edge, head.foot, 0.8 - 0.5 * left)
        shadow = head.place(lobe * 1.04 + way(angle, reach - 0.02))
        sheet.fill(shadow, (*lit(head.foot, 0.55), 130))
        sheet.fill(points, lit(head.middle, light * 1.12))
        inside = focus + (points - focus) * 0.91
        rim = lit(head.middle, light * 0.95)
        tones = blend(rim, lit(deep, light), head.steps + 1)
        sheet.shaded(inside, focus, tones)
    for k in range(3):
        curl = CIRCLE[k * 5 : k * 5 + 14] * (0.05 + 0.05 * k)
        sheet.line(head.place(curl), (*head.foot, 190), head.radius * 0.025)


def draw_tulip(head: Head) -> None:
    """Draw a cup of petals, seen from the side."""
    u, sheet = head.rng.uniform, head.sheet
    head.aim(u(-0.25, 0.25), 1)
    wide, tall, spread = u(0.5, 0.68), u(1.7, 2.1), u(-0.2, 0.56)
    # Behind, at the sides and in front: tip, lean, width, height, light.
    for tip, lean, w, h, light in (
        (-0.2, 0, wide * 1.1, tall, 0.72),
        (0.22, 0, wide * 1.1, tall * 0.97, 0.66),
        (-0.36, -spread, wide * 1.05, tall * 0.98, 0.92),
        (0.36, spread, wide * 1.05, tall * 0.96, 0.84),
        (u(-0.1, 0.1), 0, wide * 1.2, tall * 0.82, 1.05),
    ):
        up, across = CUP[:, 0], CUP[:, 1] * w
        across = across + lean * up**2 + tip * 1.2 * up
        points = head.place(np.stack([across, 1 - up * h], 1))
        foot = head.place(np.array([0.0, 1.0]))
        focus = head.place(np.array([lean * 0.4 + tip * 0.7, 1 - h * 0.6]))
        end = head.place(np.array([lean * 0.8 + tip * 1.1, 1 - h * 0.9]))
        edge, middle = lit(head.edge, light), lit(head.middle, light)
        sheet.fill(points + head.radius * 0.03, (*lit(head.foot, 0.4), 90))
        sheet.shaded(points, focus, blend(edge, middle, head.steps + 2))
        sheet.fill(foot + (points - foot) * (0.7, 0.4), (*head.foot, 60))
        sheet.fill(foot + (points - foot) * (0.55, 0.2), (*head.foot, 80))
        for t in (-0.12, 0, 0.12) if head.near else ():
            vein = [foot, focus + (t * w * head.radius, 0), end]
            sheet.line(vein, (*head.foot, 50), head.radius * 0.02)


def draw_stem(head: Head, name: str, high: int) -> None:
    """Draw a stem from a flower down to the edge, with leaves."""
    width, lengths, slim, angles = STEMS[name]
    sheet, radius, u = head.sheet, head.radius, head.rng.uniform
    start = head.spot + (0, radius if name == "tulips" else 0)
    end = np.array([head.spot[0] + u(-0.6, 0.6) * radius, high + radius])
    bend = (head.spot + end) / 2 + (u(-0.3, 0.3) * radius, 0)
    t = np.arange(9)[:, None] / 8
    path = start * (1 - t) ** 2 + bend * (2 * t * (1 - t)) + end * t**2
    green = lit((64, 118, 44), u(0.6, 1.3))
    sheet.line(path, lit(green, 0.6), width * radius * 1.3)
    sheet.line(path, green, width * radius * 0.7)
    for _ in range(head.rng.randint(1, 4)):
        foot, long = path[head.rng.randint(3, 9)], radius * u(*lengths)
        angle = head.rng.choice([-1, 1]) * u(*angles) - math.pi / 2
        leaf = foot + turned(LEAF * (long, long * slim), angle)
        tip, tone = foot + way(angle, long), lit(green, u(0.7, 1.2))
        sheet.shaded(leaf, (foot + tip) / 2, blend(lit(tone, 0.6), tone, 3))
        sheet.line([foot, tip], lit(tone, 1.3), radius * 0.02)


def draw_scene(rng: RandomState, wide: int, high: int) -> Sheet:
    """Return a half-size sheet with a background: light, spots, blades."""
    u, names = rng.uniform, list(SCENES)
    name = names[rng.randint(len(names))]
    far, near, spots = (lit(colour, u(0.8, 1.2)) for colour in SCENES[name])
    column = Image.new("RGB", (1, 2), far)
    column.putpixel((0, 1), near)
    half = (wide // 2, high // 2)
    sheet = Sheet(column.resize(half, Image.Resampling.BILINEAR), 0.5)
    for _ in range(rng.randint(6, 40)):
        spot = np.array([u(0, wide), u(0, high)])
        colour = mix(mix(far, near, u()), spots, u())
        sheet.fill(CIRCLE * u(4, 34) + spot, (*colour, rng.randint(40, 150)))
    blades = rng.randint(30, 90) if name in ("grass", "shade", "haze") else 0
    for _ in range(blades):
        foot = np.array([u(0, wide), u(high * 0.2, high * 1.2)])
        colour = mix(near, spots, u(0, 0.8))
        blade = [foot, foot + (u(-25, 25), u(-110, -30))]
        sheet.line(blade, (*colour, 160), u(2, 6))
    return sheet


def draw_flower(label: int, rng: RandomState) -> Image.Image:
    """Return a picture of flowers of this class; its size is random."""
    name, u = FLOWERS[label], rng.uniform
    flower = (
        *(draw_daisy, draw_dandelion, draw_rose),
        *(draw_sunflower, draw_tulip),
    )[label]
    palettes = [
        [tuple(bytes.fromhex(code)) for code in palette.split()]
        for palette in PETALS[name].split(",")
    ]
    colours = palettes[rng.randint(len(palettes))]
    long, short = int(rng.randint(230, 341)), int(rng.randint(150, 231))
    sizes = [(long, short), (long, short), (short, long), (short + 40,) * 2]
    wide, high = size = sizes[rng.randint(4)]
    count = (1, 1, 1, 2, 3, 5)[rng.randint(6)]
    radius = min(size) * u(0.26, 0.46) / count**0.35

    def grow(sheet: Sheet, places: list[tuple[float, np.ndarray]]) -> None:
        heads = []
        for reach, spot in sorted(places, key=lambda place: place[0]):
            other = palettes[rng.randint(len(palettes))]
            own = other if rng.randint(5) == 0 else colours
            heads.append(Head(sheet, rng, spot, reach, own))
            draw_stem(heads[-1], name, high)
        for head in heads:
            flower(head)

    spots = u(0, 1, (rng.randint(5), 2)) * size
    sheet = draw_scene(rng, wide, high)
    grow(sheet, [(radius * u(0.3, 0.6), spot) for spot in spots])
    blurred = sheet.image.filter(ImageFilter.BoxBlur(rng.randint(1, 5)))
    large = blurred.resize((wide * 2, high * 2), Image.Resampling.BILINEAR)
    sheet, places = Sheet(large, 2), []
    for k in range(count):
        away = radius * (1.5 * (k > 0) if count > 1 else 0.35) * u(0.6, 1.1)
        spot = np.array(size) / 2 + way(u(0, 6.28), away)
        spot += u(-1, 1, 2) * (0.15 * wide, 0.08 * high)
        places.append((radius * u(0.7, 1.15), spot))
    grow(sheet, places)
    return develop(rng, sheet.image.reduce(2))
