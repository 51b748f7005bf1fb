"""Draw garments and flowers, so that the book needs no download.

Every picture has its own generator, seeded by the data set and the picture's
number: a picture is the same whatever is drawn before it. Outlines are
computed with floats but rounded to whole pixels of a larger picture before
anything is drawn, so that all processors draw the same bytes.
"""

import math
import os
import struct
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from numpy.random import RandomState
from PIL import Image, ImageDraw, ImageFilter
from tqdm import tqdm

GARMENTS = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
ZOOM = 6  # a garment is drawn this many times larger than it ends
SIDE = 28 * ZOOM

Points = Sequence[tuple[float, float]]

# The cut of each top: a range a:b for a measure (in half sides of the
# picture), or words of which one is chosen.
CUTS = """
T-shirt/top length=1.15:1.6 shoulder=.42:.56 bust=.38:.54 waist=.34:.52
  hem=.36:.56 neck=.14:.26 sleeve=.3:.62 spread=.45:1.05 cuff=.16:.26
  collar=crew/crew/vee/scoop front=none/none/print/print/pocket
  cloth=plain/plain/plain/stripes/stripes/blocks/dots edge=none
Pullover length=1.2:1.6 shoulder=.42:.55 bust=.4:.54 waist=.38:.52
  hem=.36:.52 neck=.14:.24 sleeve=1:1.35 spread=.12:.45 cuff=.12:.18
  collar=crew/crew/vee/turtle/hood front=none/none/none/print
  cloth=plain/plain/ribs/ribs/stripes/blocks edge=rib
Coat length=1.45:1.8 shoulder=.42:.54 bust=.38:.5 waist=.34:.5
  hem=.4:.62 neck=.14:.22 sleeve=1:1.35 spread=.12:.4 cuff=.13:.2
  collar=lapel/lapel/turtle/hood front=open/zip/double/double
  cloth=plain/plain/plain/quilt/checks edge=none/belt/pockets/pockets
Shirt length=1.3:1.65 shoulder=.4:.53 bust=.36:.5 waist=.32:.5
  hem=.36:.54 neck=.12:.2 sleeve=.45:1.45 spread=.15:.6 cuff=.12:.18
  collar=points/points/points/vee front=buttons
  cloth=plain/plain/checks/checks/pinstripes/dots edge=none/tails/pocket
Dress length=1.7:1.9 shoulder=.22:.4 bust=.24:.36 waist=.18:.3
  hem=.3:.72 neck=.1:.2 sleeve=-.5:.8 spread=.2:.6 cuff=.12:.18
  collar=crew/vee/scoop/scoop front=none
  cloth=plain/plain/plain/stripes/dots/blocks edge=waist/waist/none
Trouser length=1.6:1.9 waist=.28:.4 hip=.32:.46 hem=.1:.24 gap=.02:.2
  crotch=.4:.65 flare=.7:1.1 cloth=plain/plain/plain/pinstripes/checks
  front=none/crease/crease/pockets/belt
Sneaker sole=.1:.2 heel=.02:.08 toe=.28:.4 rise=.3:.55 tongue=.05:.3
  cloth=plain/plain/plain/checks/dots side=none/swoosh/stripes/panel
Sandal sole=.05:.12 heel=.0:.6 toe=.05:.1 rise=.2:.6 tongue=0:.1
  cloth=plain side=cross/bands/thong/tee back=none/strap/ankle
  under=stiletto/wedge/block
Ankle.boot sole=.06:.14 heel=.04:.4 toe=.26:.38 rise=.9:1.25 tongue=.0:.1
  cloth=plain/plain/plain/quilt side=none/zip/laces/buckle/elastic
Bag width=.5:.9 height=.4:.75 flare=-.16:.16 round=0:2.99 lift=.25:.75
  span=.25:.6 strap=5:11 cloth=plain/plain/plain/quilt/checks/stripes
  front=none/flap/flap/pocket/clasp/zip handle=arc/arc/two/long/none
"""


def cuts(text: str) -> dict[str, dict[str, str]]:
    """Read the table of cuts: {garment: {measure: range or words}}."""
    table: dict[str, dict[str, str]] = {}
    for word in text.split():
        key, found, value = word.partition("=")
        if found:
            last[key] = value
        else:
            last = table[key.replace(".", " ")] = {}
    return table


TABLE = cuts(CUTS)


def choose(rng: RandomState, name: str) -> SimpleNamespace:
    """Choose one garment's measures and parts from the table."""
    chosen = {}
    for key, value in TABLE[name].items():
        if ":" in value:
            low, high = map(float, value.split(":"))
            chosen[key] = rng.uniform(low, high)
        else:
            words = value.split("/")
            chosen[key] = words[rng.randint(len(words))]
    return SimpleNamespace(**chosen)


def smooth(points: Points, rounds: int = 2) -> Points:
    """Round the corners of a closed outline by cutting them off."""
    for _ in range(rounds):
        points = [
            (a * s + c * (1 - s), b * s + d * (1 - s))
            for (a, b), (c, d) in zip(
                points, [*points[1:], points[0]], strict=True
            )
            for s in (0.75, 0.25)
        ]
    return points


def mirror(points: Points, side: int = 1) -> Points:
    """Close a right half, listed from the top down, with its left half."""
    return [*points, *((-x, y) for x, y in reversed(points))]


def weave(rng: RandomState, kind: str) -> Image.Image:
    """Return a square of cloth: its shade, its pattern and its folds."""
    shade = (
        rng.randint(60, 120) if rng.randint(3) == 0 else rng.randint(120, 240)
    )
    other = shade + rng.choice([-1, 1]) * rng.randint(40, 100)
    other = int(np.clip(other, 30, 255))
    cloth = Image.new("L", (SIDE, SIDE), shade)
    draw = ImageDraw.Draw(cloth)
    step = rng.randint(14, 34)
    wide = max(6, step * rng.randint(25, 65) // 100)
    start = rng.randint(step)
    if kind == "blocks":
        edge = rng.randint(SIDE // 3, SIDE * 2 // 3)
        draw.rectangle((0, edge, SIDE, SIDE), fill=other)
    if kind == "ribs":
        other, step, wide = shade * 3 // 4, 11, 4
    for at in range(start, SIDE, step):
        if kind in ("stripes", "checks", "ribs"):
            draw.rectangle((0, at, SIDE, at + wide - 1), fill=other)
        if kind in ("pinstripes", "checks"):
            draw.rectangle((at, 0, at + wide // 2, SIDE), fill=other)
        if kind == "quilt":
            draw.line((0, at, SIDE, at), fill=shade * 2 // 3, width=4)
        if kind == "dots":
            for x in range(start * 7 % step, SIDE, step):
                draw.ellipse((x, at, x + wide, at + wide), fill=other)
    folds = Image.new("L", (SIDE, SIDE), 128)
    draw = ImageDraw.Draw(folds)
    for _ in range(rng.randint(4, 10)):
        x, y = rng.randint(0, SIDE, 2).tolist()
        dx, dy = rng.randint(-30, 31), rng.randint(10, 90)
        tone = 128 + rng.randint(-55, 45)
        draw.line((x, y, x + dx, y + dy), tone, rng.randint(5, 14))
    folds = np.asarray(folds.filter(ImageFilter.BoxBlur(5)), np.int32)
    lit = np.asarray(cloth, np.int32) * (folds + 128) // 256
    return Image.fromarray(np.clip(lit, 18, 255).astype(np.uint8))


class Pen:
    """Draws a garment in coordinates from -1 to 1, turned and shifted."""

    def __init__(self, rng: RandomState, cloth: str) -> None:
        self.rng = rng
        self.cloth = weave(rng, cloth)
        self.image = Image.new("L", (SIDE, SIDE))
        self.draw = ImageDraw.Draw(self.image)
        turn, size = rng.uniform(-0.16, 0.16), rng.uniform(0.76, 0.98)
        wide = size * rng.uniform(0.88, 1.08)
        self.turn = math.cos(turn), math.sin(turn)
        self.size = wide * SIDE / 2, size * SIDE / 2
        self.middle = rng.uniform(-1.6, 1.6, 2) * ZOOM + SIDE / 2
        self.dark, self.light = rng.randint(0, 45), rng.randint(180, 256)

    def place(self, points: Points) -> list[tuple[int, int]]:
        """Return the large picture's pixels for these coordinates."""
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
        outline = self.place(smooth(points, rounds))
        ImageDraw.Draw(mask).polygon(outline, fill=255)
        gain = round(light * 100)
        table = [min(255, v * gain // 100) for v in range(256)]
        self.image.paste(self.cloth.point(table), mask=mask)

    def shape(self, points: Points, shade: int, rounds: int = 2) -> None:
        """Fill an outline with one shade."""
        self.draw.polygon(self.place(smooth(points, rounds)), fill=shade)

    def line(self, points: Points, shade: int, width: int = 4) -> None:
        """Draw a seam, a lace or a strap, width in large pixels."""
        self.draw.line(self.place(points), shade, width, joint="curve")

    def dot(self, x: float, y: float, shade: int, radius: int = 4) -> None:
        """Draw a button."""
        ((x, y),) = self.place([(x, y)])
        box = (x - radius, y - radius, x + radius, y + radius)
        self.draw.ellipse(box, fill=shade)

    def finish(self) -> np.ndarray:
        """Return the picture at its size, lit from one side, with noise."""
        rng = self.rng
        small = np.asarray(self.image.reduce(ZOOM), np.int32)
        gain, across, down = rng.randint((190, -5, -4), (300, 6, 5))
        ramp = np.arange(28) - 14
        light = gain + across * ramp + down * ramp[:, None]
        noise = rng.randint(-14, 15, (28, 28)) + rng.randint(-14, 15, (28, 28))
        picture = small * light // 256 + noise * (small > 12)
        return np.clip(picture, 0, 255).astype(np.uint8)


def draw_top(pen: Pen, v: SimpleNamespace) -> None:
    """Draw a T-shirt, pullover, coat, shirt or dress."""
    top, hem = -v.length / 2, v.length / 2
    if v.collar == "hood":
        hood = [(0.18, top - 0.18), (0.34, top), (0.3, top + 0.15)]
        pen.part(mirror(hood), 0.8)
        pen.shape(mirror([(0.1, top - 0.1), (0.2, top + 0.1)]), pen.dark)
    if v.collar == "turtle":
        w = v.neck + 0.02
        pen.part(mirror([(w, top - 0.16), (w + 0.05, top + 0.15)]), 0.85, 0)
    for side in (-1, 1):
        if v.sleeve > 0.12:
            draw_sleeve(pen, v, top, side)
    drop = 0.08 if v.edge == "tails" else -0.02
    half = min(v.length * 0.45, 0.75)
    corner = [(v.hem, hem - drop)] * 2
    pen.part(
        mirror(
            [
                *[(v.neck, top)] * 2,
                (v.shoulder, top + 0.1),
                (v.bust, top + 0.42),
                (v.waist, top + half),
                *corner,
                (v.hem * 0.5, hem),
            ]
        )
    )
    if v.edge == "rib":
        pen.line([(-v.hem, hem - 0.13), (v.hem, hem - 0.13)], pen.dark + 30)
    if v.edge in ("belt", "waist"):
        belt = [(-v.waist, top + half), (v.waist, top + half)]
        pen.line(belt, pen.dark, 9 if v.edge == "belt" else 4)
    if v.edge == "pockets":
        for x in (-0.6, 0.6):
            y = hem * 0.4
            pen.line(
                [(x * v.hem - 0.1, y), (x * v.hem + 0.1, y - 0.05)],
                pen.dark,
                5,
            )
    draw_collar(pen, v, top)
    draw_front(pen, v, top, hem)


def draw_sleeve(pen: Pen, v: SimpleNamespace, top: float, side: int) -> None:
    """Draw one sleeve from the shoulder to the cuff."""
    swing = v.spread + pen.rng.uniform(-0.1, 0.1)
    dx, dy = math.sin(swing), math.cos(swing)
    x, y = v.shoulder - 0.05, top + 0.12
    # Ends of the cuff, outer and inner.
    ox, oy = (
        x + dx * v.sleeve + dy * v.cuff * 0.6,
        y + dy * v.sleeve - dx * v.cuff * 0.6,
    )
    ix, iy = ox - dy * v.cuff * 1.4, oy + dx * v.cuff * 1.4
    armpit = (v.bust - 0.02, top + 0.46)
    outline = [
        (0.2, top + 0.03),
        (x + 0.02, y - 0.05),
        *[(ox, oy), (ix, iy)] * 1,
        armpit,
        (0.2, top + 0.4),
    ]
    outline = [
        outline[0],
        outline[1],
        *[(ox, oy)] * 2,
        *[(ix, iy)] * 2,
        armpit,
        outline[-1],
    ]
    pen.part([(side * a, b) for a, b in outline], pen.rng.uniform(0.7, 0.92))
    pen.line(
        [
            (side * (v.bust - 0.03), top + 0.46),
            (side * (v.shoulder - 0.06), top + 0.12),
        ],
        pen.dark + 30,
        3,
    )
    if v.edge == "rib":
        pen.line(
            [
                (side * (ox - 0.13 * dx), oy - 0.13 * dy),
                (side * (ix - 0.13 * dx), iy - 0.13 * dy),
            ],
            pen.dark + 30,
        )


def draw_collar(pen: Pen, v: SimpleNamespace, top: float) -> None:
    """Cut the neck hole and lay the collar around it."""
    w = v.neck
    depth = {
        "crew": 0.1,
        "scoop": 0.26,
        "vee": 0.38,
        "points": 0.2,
        "lapel": 0.5,
    }.get(v.collar, 0)
    if not depth:
        return
    if v.collar in ("crew", "scoop"):
        hole = mirror(
            [
                (w, top - 0.08),
                (w * 0.9, top + depth * 0.6),
                (w * 0.4, top + depth),
            ]
        )
        pen.shape(hole, pen.dark // 2)
        return
    pen.shape(
        [(-w, top - 0.06), (w, top - 0.06), (0, top + depth)], pen.dark // 2, 0
    )
    for side in (-1, 1):
        flap = {
            "points": [
                (w, top - 0.12),
                (w + 0.1, top + 0.02),
                (w * 0.9, top + 0.26),
                (0.01, top + 0.16),
            ],
            "lapel": [
                (w, top - 0.1),
                (w + 0.14, top + 0.1),
                (w + 0.08, top + 0.3),
                (0.02, top + 0.55),
            ],
        }.get(v.collar)
        if flap:
            flap = [(side * x, y) for x, y in flap]
            pen.part(flap, 1.2, 0)
            pen.line(flap[1:], pen.dark + 20, 3)


def draw_front(pen: Pen, v: SimpleNamespace, top: float, hem: float) -> None:
    """Draw what closes or decorates the front."""
    neck = top + (0.5 if v.collar == "lapel" else 0.2)
    if v.front in ("buttons", "zip", "double", "open"):
        wide = {"open": 12, "zip": 6}.get(v.front, 3)
        pen.line([(0.02, neck), (0.02, hem)], pen.dark, wide)
    if v.front in ("buttons", "double"):
        y = neck + 0.08
        while y < hem - 0.15:
            for x in (-0.12, 0.14) if v.front == "double" else (-0.04,):
                pen.dot(x, y, pen.dark if pen.dark < 25 else pen.light)
            y += 0.2 if v.front == "buttons" else 0.28
    if v.front == "print":
        a, b, c, d = pen.rng.uniform(0.08, 0.28, 4)
        badge = [
            (-a, -0.35),
            (b, -0.35 - a / 3),
            (c, -0.05 + d),
            (-d, -0.1 + a),
        ]
        pen.shape(
            badge,
            pen.light if pen.rng.randint(2) else pen.dark + 20,
            pen.rng.randint(0, 3),
        )
    if v.front == "pocket" or v.edge == "pocket":
        x, y = 0.22, top + 0.45
        pen.line(
            [
                (x - 0.1, y),
                (x + 0.1, y),
                (x + 0.1, y + 0.2),
                (x, y + 0.25),
                (x - 0.1, y + 0.2),
                (x - 0.1, y),
            ],
            pen.dark + 40,
            3,
        )


def draw_trouser(pen: Pen, v: SimpleNamespace) -> None:
    """Draw trousers: two legs, a waistband, a fly."""
    top, hem = -v.length / 2, v.length / 2
    fork = top + v.crotch
    foot = v.gap + v.hem
    for side in (-1, 1):
        leg = [
            *[(0, top), (v.waist, top)],
            (v.hip, top + 0.4),
            ((v.hip + foot) / 2 * v.flare, (fork + hem) / 2),
            *[(foot + v.hem * 0.6, hem)] * 2,
            *[(v.gap, hem)] * 2,
            (0.03 + v.gap / 2, (fork + hem) / 2),
            (0.0, fork),
            (0, top),
        ]
        pen.part(
            [(side * x, y) for x, y in leg],
            1 if side < 0 else pen.rng.uniform(0.8, 1),
        )
        if v.front == "crease":
            pen.line(
                [
                    (side * v.hip * 0.55, top + 0.3),
                    (side * (v.gap + v.hem * 0.75), hem - 0.05),
                ],
                pen.dark + 60,
                3,
            )
        if v.front == "pockets":
            pen.line(
                [
                    (side * v.waist * 0.6, top + 0.14),
                    (side * v.hip, top + 0.34),
                ],
                pen.dark + 20,
                4,
            )
    pen.line([(0, top), (0, fork)], pen.dark + 30, 3)
    pen.line(
        [(-v.waist, top + 0.12), (v.waist, top + 0.12)],
        pen.dark + 20,
        8 if v.front == "belt" else 3,
    )
    pen.line([(0, fork), (0, hem)], 0, 3)


def draw_shoe(pen: Pen, v: SimpleNamespace, name: str) -> None:
    """Draw a sandal, sneaker or ankle boot; the toe points left."""
    ground = 0.32 + v.rise / 5
    under = ground - v.sole
    lift = under - v.heel
    # The line on which the foot stands, from the toe to the heel.
    bed = [
        (-0.92, under - 0.02),
        (-0.6, under),
        (-0.2, under),
        (0.25, under - v.heel * 0.6),
        (0.6, lift),
        (0.88, lift),
    ]
    lower = [(x, y + v.sole) for x, y in bed]
    sole = (
        pen.light
        if name == "Sneaker" or pen.rng.randint(3) == 0
        else pen.dark + 50
    )
    if name == "Sandal":
        draw_straps(pen, v, bed)
    else:
        draw_upper(pen, v, name, under, lift)
    pen.shape([*bed, *reversed(lower)], sole, 1)
    if v.heel > 0.12:
        kind = getattr(v, "under", "block")
        front = {"stiletto": 0.72, "wedge": -0.3}.get(kind, 0.5)
        foot = {"stiletto": (0.76, 0.83)}.get(kind, (front + 0.03, 0.86))
        pen.shape(
            [
                (front, lift + v.sole * 0.6),
                (0.9, lift),
                (foot[1], ground),
                (foot[0], ground),
            ],
            sole,
            0,
        )


def draw_upper(
    pen: Pen, v: SimpleNamespace, name: str, under: float, lift: float
) -> None:
    """Draw the closed upper of a sneaker or a boot, and its trimmings."""
    boot = name == "Ankle boot"
    top = lift - v.rise
    front = pen.rng.uniform(0.02, 0.2) if boot else pen.rng.uniform(0.0, 0.2)
    dip = 0 if boot else 0.14
    bend = (front - 0.18, lift - 0.42) if boot else (front - 0.3, top + 0.22)
    outline = [
        (-0.9, under + 0.02),
        (-0.94, under - v.toe * 0.5),
        (-0.7, under - v.toe),
        bend,
        (front, top + 0.03 - v.tongue * 0.4),
        (front + 0.1, top - v.tongue * 0.4),
        (0.45, top + dip),
        *[(0.82, top)] * 2,
        (0.86, lift - 0.2),
        *[(0.9, lift + 0.04)] * 2,
        (0.2, under + 0.04),
    ]
    pen.part(outline)
    pen.shape(
        [
            (front + 0.12, top - 0.01),
            (0.45, top + dip - 0.04),
            (0.8, top - 0.02),
            (0.45, top + dip + 0.05),
        ],
        pen.dark,
    )
    edge = pen.dark + 20
    if boot:
        if v.side == "zip":
            pen.line([(0.45, top + 0.05), (0.4, lift - 0.1)], edge, 4)
        if v.side == "elastic":
            pen.shape(
                [(0.3, top), (0.6, top), (0.5, lift - 0.3), (0.4, lift - 0.3)],
                edge,
                0,
            )
        if v.side == "buckle":
            pen.line([(front - 0.1, lift - 0.4), (0.84, lift - 0.3)], edge, 8)
            pen.dot(0.3, lift - 0.36, pen.light, 6)
    if v.side == "laces" or not boot:
        for i in range(4):
            t = i / 4
            x, y = bend[0] * (1 - t) + front * t, bend[1] * (1 - t) + top * t
            pen.line(
                [(x - 0.02, y - 0.04), (x + 0.16, y + 0.06)],
                pen.light if sum(self_shade(pen)) else edge,
                4,
            )
    if v.side == "swoosh":
        pen.line(
            [(-0.4, under - 0.2), (-0.1, under - 0.1), (0.6, top + 0.25)],
            pen.light,
            7,
        )
    if v.side == "stripes":
        for x in (-0.15, 0.05, 0.25):
            pen.line([(x, top + 0.25), (x - 0.15, under - 0.02)], edge, 5)
    if v.side == "panel":
        pen.shape(
            [(-0.94, under), (-0.8, under - 0.26), (-0.5, under)], edge, 1
        )
        pen.shape(
            [
                (0.6, under),
                (0.7, top + 0.1),
                (0.86, top + 0.05),
                (0.88, under),
            ],
            edge,
            1,
        )


def self_shade(pen: Pen) -> tuple[int]:
    return (pen.dark % 2,)


def draw_straps(pen: Pen, v: SimpleNamespace, bed: Points) -> None:
    """Draw the straps of a sandal."""
    wide = pen.rng.randint(6, 13)
    shade = pen.rng.randint(110, 240)
    toe, lift = bed[1][1], bed[4][1]

    def strap(a, b, up, c):
        pen.line(
            smooth([a, a, b, c, c])[2:-2] if False else [a, b, c], shade, wide
        )

    if v.side in ("bands", "cross"):
        for x in (-0.72, -0.45, -0.15)[: pen.rng.randint(1, 4)]:
            s = 0.25 if v.side == "cross" else 0.06
            pen.line(
                [
                    (x - 0.1, toe),
                    (x - 0.02 + s / 2, toe - 0.26),
                    (x + s + 0.08, toe - 0.2),
                    (x + s + 0.14, toe),
                ],
                shade,
                wide,
            )
    if v.side in ("thong", "tee"):
        pen.line(
            [
                (-0.7, toe),
                (-0.55, toe - 0.2),
                (0.0, lift - 0.2 - v.rise * 0.3),
                (0.3, lift),
            ],
            shade,
            wide,
        )
    if v.side == "tee":
        pen.line([(-0.75, toe), (-0.6, toe - 0.25), (-0.4, toe)], shade, wide)
    top = lift - v.rise
    if v.back != "none":
        pen.line([(0.85, lift), (0.84, top)], shade, wide)
        pen.line(
            [
                (0.84, top),
                (0.5, top + 0.05),
                (0.3, top + 0.16),
                (0.2, (top + lift) / 2),
            ],
            shade,
            wide,
        )
    if v.back == "strap":
        pen.line(
            [(0.2, (top + lift) / 2), (-0.05, toe - v.heel * 0.4)], shade, wide
        )


def draw_bag(pen: Pen, v: SimpleNamespace) -> None:
    """Draw a bag: body, handle, flap."""
    top = -v.height / 2 + v.lift * 0.5
    bottom = top + v.height * 1.3
    w = v.width
    y = top + 0.08
    strap = pen.dark + 110 if pen.rng.randint(2) else pen.light - 40
    if v.handle in ("arc", "two", "long"):
        high = top - (v.lift if v.handle != "long" else 0.95)
        s = v.span * (1.3 if v.handle == "long" else 1)
        arc = [
            (s * k, high * h + y * (1 - h))
            for k, h in ((1, 0), (0.97, 0.5), (0.7, 0.9), (0.3, 1))
        ]
        pen.line(list(reversed(mirror(arc)))[:], strap, round(v.strap))
        if v.handle == "two":
            pen.line(
                [
                    (x * 0.8 + 0.06, yy * 0.9 + y * 0.1)
                    for x, yy in mirror(arc)
                ],
                strap - 40,
                round(v.strap),
            )
    body = [
        *[(w - max(v.flare, 0), top)] * 2,
        *[(w + min(v.flare, 0), bottom)] * 2,
    ]
    pen.part(mirror(body), 1, int(v.round))
    shade = pen.dark + 20
    if v.front == "flap":
        mid = top + v.height * 0.7
        flap = mirror(
            [*[(w - 0.02, top)] * 2, (w * 0.85, mid - 0.1), (w * 0.3, mid)]
        )
        pen.part(flap, 0.8)
        pen.line(flap[2:6], shade, 4)
        pen.dot(0, mid - 0.06, pen.light, 5)
    if v.front == "pocket":
        a, b = top + v.height * 0.55, bottom - 0.12
        pen.line(
            [
                (-w * 0.6, a),
                (w * 0.6, a),
                (w * 0.55, b),
                (-w * 0.55, b),
                (-w * 0.6, a),
            ],
            shade,
            4,
        )
    if v.front == "clasp":
        pen.line([(-w + 0.05, y), (w - 0.05, y)], shade, 6)
        pen.dot(0, y, pen.light, 7)
    if v.front == "zip":
        pen.line([(-w * 0.8, y + 0.1), (w * 0.8, y + 0.1)], shade, 5)


def draw_garment(label: int, rng: RandomState) -> np.ndarray:
    """Return one 28x28 picture of a garment of this class."""
    name = GARMENTS[label]
    v = choose(rng, name)
    pen = Pen(rng, v.cloth)
    if name == "Trouser":
        draw_trouser(pen, v)
    elif name == "Bag":
        draw_bag(pen, v)
    elif "sole" in TABLE[name]:
        draw_shoe(pen, v, name)
    else:
        draw_top(pen, v)
    return pen.finish()


# --- flowers ---------------------------------------------------------------

FLOWERS = ("daisy", "dandelion", "roses", "sunflowers", "tulips")
GOLDEN = 2.399963  # the angle between one seed of a sunflower and the next
Colour = tuple[int, int, int]

# Colours of the petals: at the edge, in the middle, at the base.
PETALS = {
    "daisy": "d9dcec ffffff c9cfae, e3d6e4 fff4fb cfc0a0, f0d4e2 fbeaf2 b98aa0",
    "dandelion": "e0a800 ffe23a c98a00, e8b810 fff060 d08800",
    "roses": "a00c20 e0303c 5c0410, d8577c f7a8bc 983050, d8c8a8 fffaf0 a89870,"
    "d89c20 ffe080 b06a10, c04a18 ff9a50 8a2c08, 780818 c0182c 3c0008",
    "sunflowers": "d88a00 ffc818 a85800, e8a000 ffdc3c b86c00",
    "tulips": "a00818 ee3038 600010, d8a000 ffe040 a87010, 581060 a850b8 380840,"
    "d0508c f8a8cc 983068, d8d8c8 ffffff a8b088, c84808 ff8c30 e0b020",
}
# Outlines of a petal, half of it, from base to tip: (along, across).
OUTLINES = {
    "daisy": [(0, 0.4), (0.3, 0.75), (0.7, 1), (0.95, 0.8), (1, 0.2)],
    "sunflowers": [(0, 0.5), (0.3, 1), (0.6, 0.9), (0.85, 0.4), (1.04, 0)],
    "dandelion": [(0, 0.5), (0.5, 0.8), (0.9, 1), (1, 0.7), (0.94, 0.1)],
    "leaf": [(0, 0.1), (0.25, 0.8), (0.5, 1), (0.8, 0.5), (1.05, 0)],
    "roses": [(0, 0.5), (0.3, 1), (0.65, 1.1), (0.95, 0.8), (1, 0.2)],
}
OUTLINES = {
    name: np.array(smooth([*half, *((x, -y) for x, y in reversed(half))], 1))
    for name, half in OUTLINES.items()
}
CIRCLE = np.array(
    [
        (math.cos(k * math.pi / 12), math.sin(k * math.pi / 12))
        for k in range(24)
    ]
)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """Return the colour at this share of the way from a to b."""
    share = round(share * 64)
    return tuple(
        (p * (64 - share) + q * share) // 64 for p, q in zip(a, b, strict=True)
    )


def lit(colour: Colour, light: float) -> Colour:
    """Return the colour in more light, above 1, or less."""
    light = round(light * 64)
    return tuple(min(255, p * light // 64) for p in colour)


def turned(points: np.ndarray, angle: float) -> np.ndarray:
    """Return the points turned about the origin."""
    cos, sin = math.cos(angle), math.sin(angle)
    return points @ np.array([[cos, sin], [-sin, cos]])


class Sheet:
    """A picture in colour, drawn in its final pixels but larger or smaller."""

    def __init__(self, image: Image.Image, zoom: float) -> None:
        self.image, self.zoom = image, zoom
        # Drawing opaque colours without blending is faster.
        opaque, clear = ImageDraw.Draw(image), ImageDraw.Draw(image, "RGBA")
        self.draw = {3: opaque, 4: clear}

    def pixels(self, points: Points) -> list[int]:
        """Return the points as whole pixels of this sheet, x, y, x, y."""
        return np.rint(np.ravel(points) * self.zoom).astype(int).tolist()

    def fill(self, points: np.ndarray, colour: Sequence[int]) -> None:
        self.draw[len(colour)].polygon(self.pixels(points), fill=colour)

    def shaded(
        self,
        points: np.ndarray,
        focus: np.ndarray,
        edge: Colour,
        middle: Colour,
        steps: int = 4,
    ) -> None:
        """Fill an outline, from one colour at its edge to one at its focus."""
        for k in range(steps):
            share = k / max(1, steps - 1)
            self.fill(
                focus + (points - focus) * (1 - share * 0.75),
                mix(edge, middle, share),
            )

    def line(
        self, points: np.ndarray, colour: Sequence[int], width: float
    ) -> None:
        wide = max(1, round(width * self.zoom))
        self.draw[len(colour)].line(self.pixels(points), colour, wide)


class Head:
    """Where a flower stands, how large it is, how it is turned and tilted."""

    def __init__(
        self,
        sheet: Sheet,
        rng: RandomState,
        spot: Sequence[float],
        colours: Sequence[Colour],
    ) -> None:
        self.sheet, self.rng = sheet, rng
        self.spot, self.radius = np.array(spot[:2]), spot[2]
        self.edge, self.middle, self.base = colours
        self.turn, self.tilt = rng.uniform(0, 6.28), rng.uniform(0.55, 1)
        self.light = rng.uniform(0, 6.28)
        self.aim(self.turn, self.tilt)
        self.steps = 3 if self.radius * sheet.zoom > 40 else 2

    def aim(self, turn: float, tilt: float) -> None:
        """Turn the flower's own plane, and tilt it away from the eye."""
        cos, sin = math.cos(turn), math.sin(turn)
        matrix = np.array([[cos, sin], [-sin * tilt, cos * tilt]])
        self.turn, self.matrix = turn, matrix * self.radius

    def place(self, points: np.ndarray) -> np.ndarray:
        """Return pixels of points in the flower's own plane."""
        return points @ self.matrix + self.spot

    def petal(
        self,
        name: str,
        angle: float,
        start: float,
        length: float,
        width: float,
    ) -> None:
        """Draw one petal, with its shadow on those below."""
        own = OUTLINES[name] * (length, width) + (start, 0)
        points = self.place(turned(own, angle))
        focus, foot = self.place(
            turned(np.array([(start + length * 0.62, 0), (start, 0)]), angle)
        )
        light = (
            1
            + 0.13 * math.cos(angle + self.turn - self.light)
            + self.rng.uniform(-0.07, 0.07)
        )
        self.sheet.fill(
            points + self.radius * 0.025, (*lit(self.base, 0.35), 70)
        )
        self.sheet.shaded(
            points,
            focus,
            lit(self.edge, light),
            lit(self.middle, light),
            self.steps,
        )
        if self.steps > 2:
            self.sheet.fill(foot + (points - foot) * 0.42, (*self.base, 100))
            self.sheet.line(
                [foot, focus], (*self.base, 60), self.radius * 0.012
            )

    def ring(
        self, name: str, count: int, start: float, length: float, width: float
    ) -> None:
        """Draw petals all around."""
        offset = self.rng.uniform(0, 6.28)
        for k in self.rng.permutation(count).tolist():
            angle = (
                offset
                + 2 * math.pi * k / count
                + self.rng.uniform(-0.09, 0.09)
            )
            self.petal(
                name,
                angle,
                start,
                length * self.rng.uniform(0.85, 1.05),
                width * self.rng.uniform(0.85, 1.15),
            )

    def disc(
        self, radius: float, colours: Sequence[Colour], seeds: int
    ) -> None:
        """Draw the round middle with its seeds in spirals."""
        dark, middle, bright = colours
        self.sheet.fill(
            self.place(CIRCLE * radius * 1.08 + 0.03), (20, 20, 0, 90)
        )
        rim = self.place(CIRCLE * radius)
        self.sheet.shaded(
            rim,
            self.place(np.array([(0.0, 0.0)]))[0]
            - self.radius * radius * 0.25,
            dark,
            middle,
            5,
        )
        seeds = seeds if self.steps > 2 else seeds // 3
        size = radius * 0.75 / math.sqrt(max(seeds, 1))
        for k in range(seeds):
            r = radius * 0.97 * math.sqrt(k / seeds)
            spot = np.array(
                [(r * math.cos(k * GOLDEN), r * math.sin(k * GOLDEN))]
            )
            colour = mix(bright, dark, self.rng.uniform(0, 0.8))
            self.sheet.fill(
                self.place(spot + CIRCLE[::4] * size), (*colour, 170)
            )


def draw_daisy(head: Head) -> None:
    u = head.rng.uniform
    count, core = head.rng.randint(13, 26), u(0.26, 0.36)
    width = u(1.6, 2.4) / count
    for size in (1, 0.93)[: head.rng.randint(1, 3)]:
        head.ring("daisy", count, core * 0.7, size - core * 0.7, width)
    head.disc(core, [(176, 104, 0), (246, 190, 20), (255, 226, 80)], 60)


def draw_sunflower(head: Head) -> None:
    u = head.rng.uniform
    count, core = head.rng.randint(15, 26), u(0.4, 0.56)
    for size in (1, 0.9):
        head.ring(
            "sunflowers",
            count,
            core * 0.8,
            size - core * 0.8,
            u(2.1, 2.9) / count,
        )
    brown = lit((92, 52, 20), u(0.6, 1.2))
    head.disc(core, [lit(brown, 0.5), brown, (150, 96, 30)], 150)
    green = mix((60, 40, 16), (120, 120, 40), u(0, 1))
    head.disc(
        core * u(0.4, 0.6), [lit(brown, 0.6), green, lit(green, 1.3)], 40
    )


def draw_dandelion(head: Head) -> None:
    if head.rng.randint(10) < 3:
        return draw_clock(head)
    layers = 6 if head.steps > 2 else 4
    for k in range(layers):
        size, count = 1 - 0.85 * k / layers, 30 - 3 * k
        for angle in (head.rng.permutation(count) * 6.2832 / count).tolist():
            length = size * head.rng.uniform(0.82, 1.04)
            ray = turned(OUTLINES["dandelion"] * (length, 0.055), angle + k)
            points = head.place(ray)
            tone = mix(head.edge, head.middle, head.rng.uniform(0.1, 0.9))
            head.sheet.fill(points + head.radius * 0.03, (*head.base, 80))
            head.sheet.fill(points, lit(tone, 0.8 + 0.25 * k / layers))


def draw_clock(head: Head) -> None:
    """Draw a dandelion's ball of seeds."""
    rng, sheet = head.rng, head.sheet
    head.aim(head.turn, 1)
    sheet.fill(head.place(CIRCLE), (235, 238, 240, 50))
    sheet.fill(head.place(CIRCLE * 0.8), (245, 245, 245, 40))
    count = 90 if head.steps > 2 else 50
    ends = []
    for k in range(count):
        z = 1 - k / count
        r = math.sqrt(1 - z * z)
        ends.append((r * math.cos(k * GOLDEN), r * math.sin(k * GOLDEN)))
    centre = head.place(np.array([(0.0, 0.0)]))[0]
    for spot in reversed(ends):
        spot = np.array(spot)
        end = head.place(spot * 0.86)
        sheet.line([centre, end], (225, 225, 215, 70), head.radius * 0.012)
        sheet.line(
            [head.place(spot * 0.2), head.place(spot * 0.3)],
            (90, 70, 40, 200),
            head.radius * 0.03,
        )
        for j in range(5):
            a = j * 1.2566 + rng.uniform(-0.2, 0.2)
            tip = spot * 0.9 + np.array([math.cos(a), math.sin(a)]) * 0.13
            sheet.line(
                [end, head.place(tip)],
                (255, 255, 255, 150),
                head.radius * 0.01,
            )
    sheet.fill(head.place(CIRCLE * 0.13), (110, 90, 50, 200))


def draw_rose(head: Head) -> None:
    head.aim(head.turn, max(head.tilt, 0.75))
    count = head.rng.randint(17, 27)
    rng, sheet = head.rng, head.sheet
    for k in range(count):
        left = 1 - k / count
        angle = k * GOLDEN + rng.uniform(-0.2, 0.2)
        size = 0.2 + 0.42 * left
        reach = 0.56 * left**0.9
        way = np.array([math.cos(angle), math.sin(angle)])
        wave = 1 + rng.uniform(-0.06, 0.06, (24, 1))
        lobe = turned(CIRCLE * wave * (0.8, 1.1) * size, angle) + way * reach
        light = (
            0.62
            + 0.42 * left
            + 0.12 * math.cos(angle + head.turn - head.light)
        )
        sheet.fill(
            head.place(lobe * 1.03 - way * 0.03), (*lit(head.base, 0.6), 120)
        )
        points = head.place(lobe)
        focus = head.place(np.array([way * (reach - size * 0.55)]))[0]
        sheet.fill(points, lit(head.middle, light * 1.08))
        sheet.shaded(
            focus + (points - focus) * 0.94,
            focus,
            lit(head.middle, light),
            lit(mix(head.edge, head.base, 0.4 * (1 - left) + 0.3), light),
            head.steps + 1,
        )
    for k in range(3):
        arc = CIRCLE[k * 5 : k * 5 + 14] * (0.05 + 0.05 * k)
        sheet.line(head.place(arc), (*head.base, 190), head.radius * 0.025)


CUP = [
    ("back", [(0, 0), (0.35, 0.2), (0.3, 1.0), (0.12, 1.3), (-0.2, 1.0)]),
]


def draw_tulip(head: Head) -> None:
    rng, sheet = head.rng, head.sheet
    head.aim(rng.uniform(-0.25, 0.25), 1)
    wide, tall, spread = (
        rng.uniform(0.5, 0.68),
        rng.uniform(0.85, 1.05),
        rng.uniform(-0.1, 0.28),
    )

    def lobe(tip, lean, w, h, light):
        half = [
            (0.0, 0.0),
            (0.6, 0.04),
            (1.0, 0.35),
            (0.85, 0.72),
            (0.3, 0.95),
            (0.0, 1.03),
        ]
        shape = np.array(smooth(mirror(half), 1)) * (w, h)
        shape[:, 0] += (
            lean * (shape[:, 1] / h) ** 2 + tip * (shape[:, 1] / h) * 0.6
        )
        points = head.place(shape * (1, -1) * (2, 2) + (0, 1))
        focus = head.place(np.array([(lean * 0.5 + tip * 0.8, -h * 1.2 + 1)]))[
            0
        ]
        foot = head.place(np.array([(0.0, 1.0)]))[0]
        sheet.fill(points + head.radius * 0.03, (*lit(head.base, 0.4), 90))
        sheet.shaded(
            points,
            focus,
            lit(head.edge, light),
            lit(head.middle, light),
            head.steps + 1,
        )
        sheet.fill(foot + (points - foot) * (0.75, 0.45), (*head.base, 60))
        sheet.fill(foot + (points - foot) * (0.6, 0.25), (*head.base, 80))
        top = head.place(np.array([(lean * 1.8 + tip, -h * 1.8 + 1)]))[0]
        sheet.line([foot, focus, top], (*head.base, 80), head.radius * 0.02)

    lobe(-0.15, 0, wide * 0.55, tall * 0.98, 0.7)
    lobe(0.2, 0, wide * 0.55, tall * 0.95, 0.66)
    lobe(-0.3, -spread, wide * 0.6, tall * 0.94, 0.9)
    lobe(0.3, spread, wide * 0.6, tall * 0.92, 0.82)
    lobe(rng.uniform(-0.08, 0.08), 0, wide * 0.66, tall * 0.84, 1.05)


HEADS = dict(
    zip(
        FLOWERS,
        (draw_daisy, draw_dandelion, draw_rose, draw_sunflower, draw_tulip),
        strict=True,
    )
)


def draw_stem(
    sheet: Sheet,
    rng: RandomState,
    name: str,
    spot: Sequence[float],
    size: Sequence[int],
) -> None:
    """Draw the stem and the leaves of one flower."""
    x, y, radius = spot
    end = np.array([x + rng.uniform(-0.6, 0.6) * radius, size[1] + radius])
    bend = np.array(
        [(x + end[0]) / 2 + rng.uniform(-0.3, 0.3) * radius, (y + end[1]) / 2]
    )
    green = lit((64, 118, 44), rng.uniform(0.6, 1.3))
    start = np.array([x, y + (0.9 * radius if name == "tulips" else 0)])
    path = [
        start + (bend - start) * t * 2 * (1 - t) + (end - start) * t * t
        for t in np.arange(9) / 8
    ]
    width = radius * {"daisy": 0.08, "dandelion": 0.1, "sunflowers": 0.14}.get(
        name, 0.12
    )
    sheet.line(path, lit(green, 0.6), width * 1.3)
    sheet.line(np.array(path) - (width * 0.2, 0), green, width * 0.7)
    for _ in range(rng.randint(1, 4)):
        foot = path[rng.randint(3, 9)]
        side = rng.choice([-1, 1])
        angle = -1.57 + side * (
            rng.uniform(0.1, 0.4)
            if name == "tulips"
            else rng.uniform(0.5, 1.3)
        )
        long = radius * (
            rng.uniform(2, 3.2) if name == "tulips" else rng.uniform(0.8, 1.5)
        )
        wide = long * {"tulips": 0.1, "sunflowers": 0.32, "roses": 0.28}.get(
            name, 0.13
        )
        leaf = foot + turned(OUTLINES["leaf"] * (long, wide), angle)
        tip = foot + turned(np.array([(long, 0.0)]), angle)[0]
        tone = lit(green, rng.uniform(0.7, 1.2))
        sheet.shaded(leaf, (foot + tip) / 2, lit(tone, 0.6), tone, 3)
        sheet.line([foot, tip], lit(tone, 1.3), radius * 0.02)


SCENES = {
    # far colour, near colour, colour of the spots
    "grass": ((96, 140, 60), (40, 84, 24), (150, 180, 80)),
    "sky": ((120, 170, 232), (190, 216, 240), (244, 248, 255)),
    "shade": ((20, 40, 22), (10, 22, 12), (70, 110, 50)),
    "soil": ((120, 92, 66), (74, 54, 36), (160, 130, 96)),
    "haze": ((196, 206, 170), (120, 150, 90), (236, 236, 214)),
    "dusk": ((226, 160, 110), (92, 70, 70), (255, 210, 150)),
    "wall": ((168, 164, 160), (130, 124, 118), (196, 190, 184)),
}


def draw_scene(rng: RandomState, size: tuple[int, int]) -> Sheet:
    """Return a small sheet with a background: light, spots, blades."""
    wide, high = size
    kind = list(SCENES)[rng.randint(len(SCENES))]
    far, near, spots = (lit(c, rng.uniform(0.8, 1.2)) for c in SCENES[kind])
    column = Image.new("RGB", (1, 2))
    column.putpixel((0, 0), far)
    column.putpixel((0, 1), near)
    sheet = Sheet(column.resize((wide // 2, high // 2), Image.BILINEAR), 0.5)
    for _ in range(rng.randint(6, 40)):
        x, y, r = (
            rng.uniform(0, wide),
            rng.uniform(0, high),
            rng.uniform(4, 34),
        )
        colour = mix(
            mix(far, near, rng.uniform(0, 1)), spots, rng.uniform(0, 1)
        )
        sheet.fill(CIRCLE * r + (x, y), (*colour, rng.randint(40, 150)))
    if kind in ("grass", "shade", "haze"):
        for _ in range(rng.randint(30, 90)):
            x, y = rng.uniform(0, wide), rng.uniform(high * 0.2, high * 1.2)
            dx, dy = rng.uniform(-25, 25), rng.uniform(30, 110)
            colour = mix(near, spots, rng.uniform(0, 0.8))
            sheet.line(
                [(x, y), (x + dx, y - dy)], (*colour, 160), rng.uniform(2, 6)
            )
    return sheet


def draw_flower(label: int, rng: RandomState) -> Image.Image:
    """Return a picture of flowers of this class, of any size and shape."""
    name = FLOWERS[label]
    long, short = rng.randint(240, 361), rng.randint(150, 241)
    shape = rng.randint(5)
    size = [(long, short)] * 2 + [(short, long)] * 2 + [(short + 40,) * 2]
    wide, high = size[shape]
    palettes = PETALS[name].split(",")

    def colours():
        return [
            tuple(bytes.fromhex(w))
            for w in palettes[rng.randint(len(palettes))].split()
        ]

    main = colours()
    count = [1, 1, 1, 2, 3, 5][rng.randint(6)]
    sheet = draw_scene(rng, (wide, high))
    base = min(wide, high) * rng.uniform(0.26, 0.46) / count**0.35
    if name == "tulips":
        base *= 0.85
    for k in range(rng.randint(0, 5)):
        spot = (
            rng.uniform(0, wide),
            rng.uniform(0, high),
            base * rng.uniform(0.3, 0.6),
        )
        draw_stem(sheet, rng, name, spot, (wide, high))
        HEADS[name](Head(sheet, rng, spot, main))
    blurred = sheet.image.filter(ImageFilter.BoxBlur(rng.randint(1, 5)))
    sheet = Sheet(blurred.resize((wide * 2, high * 2), Image.BILINEAR), 2)
    spots = []
    for k in range(count):
        angle, away = (
            rng.uniform(0, 6.28),
            base
            * (1.5 if count > 1 else 0.35)
            * rng.uniform(0.6, 1.1)
            * (k > 0 or count == 1),
        )
        x, y = (
            wide / 2 + math.cos(angle) * away * wide / min(wide, high),
            high / 2 + math.sin(angle) * away * 0.8,
        )
        spots.append(
            (
                x + rng.uniform(-0.1, 0.1) * wide,
                y + rng.uniform(-0.06, 0.06) * high,
                base * rng.uniform(0.7, 1.15),
            )
        )
    spots.sort(key=lambda s: s[2])
    for spot in spots:
        draw_stem(sheet, rng, name, spot, (wide, high))
    for spot in spots:
        HEADS[name](
            Head(sheet, rng, spot, main if rng.randint(4) else colours())
        )
    return develop(rng, sheet.image.reduce(2))


def develop(rng: RandomState, image: Image.Image) -> Image.Image:
    """Light the picture from a side, tint it and add a camera's noise."""
    gain = rng.randint(190, 310)
    tints = (gain + rng.randint(-12, 13, 3)).tolist()
    table = [min(255, v * tint // 256) for tint in tints for v in range(256)]
    pixels = np.asarray(image.point(table), np.int16)
    high, wide, _ = pixels.shape
    across, down = rng.randint(-30, 31, 2)
    ramp = across * np.arange(wide) // wide
    ramp = ramp + (down * np.arange(high) // high)[:, None]
    noise = np.frombuffer(rng.bytes(pixels.size), np.uint8) % 16
    pixels = pixels + ramp[..., None].astype(np.int16)
    pixels = pixels + noise.reshape(pixels.shape).astype(np.int16) - 8
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


# --- folders ----------------------------------------------------------------


def cache_folder() -> Path:
    """Return the folder that keeps what is drawn: $ALEXNET_CACHE, if set."""
    if chosen := os.environ.get("ALEXNET_CACHE"):
        return Path(chosen).expanduser()
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "alexnet_lib"
    name = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
    return Path(os.environ.get(name) or home / ".cache") / "alexnet_lib"


def drawn_once(name: str, draw: Callable[[Path], None]) -> Path:
    """Return a folder in the cache, drawn whole on first use.

    It is drawn under another name and renamed: a kill leaves no half folder,
    and of two processes at once the second finds the work done.
    """
    folder = cache_folder() / name
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{name}-", dir=folder.parent
        ) as part:
            draw(Path(part, name))
            try:
                os.replace(Path(part, name), folder)
            except OSError:
                if not folder.is_dir():
                    raise
    except OSError as error:
        raise OSError(
            f"cannot write the drawn data to {folder} ({error.strerror}). "
            "Set ALEXNET_CACHE to a folder that can be written."
        ) from error
    return folder


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
    return drawn_once("drawn-fashion-v0", write_fashion)


def flowers_folder() -> Path:
    """Return the folder of drawn flowers, for torchvision's ImageFolder."""
    return drawn_once("drawn-flowers-v0", write_flowers)
