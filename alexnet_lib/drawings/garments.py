"""Drawn garments: ten kinds, 28 x 28 pixels, as Fashion-MNIST has them.

A garment is cut from cloth: outlines and seams in coordinates from -1 to 1
(x to the right, y down), with measures chosen from `CUTS`.
"""

import math
from types import SimpleNamespace

import numpy as np
from numpy.random import RandomState

from .canvas import Pen, mirror

Cut = SimpleNamespace  # the measures and parts of one garment
GARMENTS = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)

# A measure is chosen between low:high, a part among words/with/slashes.
CUTS = """
T-shirt/top: length=1.15:1.6 shoulder=.42:.56 bust=.38:.54 waist=.34:.52
  hem=.36:.56 neck=.14:.26 sleeve=.3:.75 spread=.4:1.05 cuff=.16:.26
  collar=crew/crew/vee/scoop/points front=none/none/print/pocket edge=none
  cloth=plain/plain/plain/stripes/stripes/blocks/dots
Pullover: length=1.2:1.6 shoulder=.42:.55 bust=.4:.54 waist=.38:.52 hem=.36:.52
  neck=.14:.24 sleeve=1:1.35 spread=.12:.45 cuff=.12:.18
  collar=crew/crew/vee/turtle/hood front=none/none/none/print edge=rib
  cloth=plain/plain/ribs/ribs/stripes/blocks
Coat: length=1.4:1.85 shoulder=.42:.54 bust=.38:.5 waist=.34:.5 hem=.42:.64
  neck=.14:.22 sleeve=1:1.35 spread=.12:.4 cuff=.13:.2
  collar=lapel/lapel/turtle/hood front=open/zip/double/double
  cloth=plain/plain/plain/quilt/checks edge=none/belt/pockets/pockets
Shirt: length=1.3:1.65 shoulder=.4:.53 bust=.36:.5 waist=.32:.5 hem=.36:.54
  neck=.12:.2 sleeve=.45:1.45 spread=.15:.6 cuff=.12:.18
  collar=points/points/points/vee front=buttons edge=none/tails/pocket
  cloth=plain/plain/checks/checks/pinstripes/dots
Dress: length=1.7:1.9 shoulder=.22:.4 bust=.24:.36 waist=.18:.3 hem=.32:.72
  neck=.1:.2 sleeve=-.5:.8 spread=.2:.6 cuff=.12:.18
  collar=crew/vee/scoop/scoop front=none edge=waist/waist/none
  cloth=plain/plain/plain/stripes/dots/blocks
Trouser: length=1.6:1.9 waist=.28:.4 hip=.32:.46 hem=.1:.24 gap=.02:.2
  fork=.4:.65 flare=.75:1.1 front=none/crease/crease/pockets/belt
  cloth=plain/plain/plain/pinstripes/checks
Sandal: sole=.07:.14 heel=0:.6 rise=.2:.6 under=stiletto/wedge/block
  side=cross/bands/bands/thong/tee back=none/strap/ankle cloth=plain
  kind=sandal
Sneaker: sole=.12:.22 heel=.02:.08 toe=.26:.4 rise=.4:.75 bend=.0:.2
  side=none/swoosh/stripes/panel under=block kind=sneaker
  cloth=plain/plain/plain/checks/dots
Ankle_boot: sole=.07:.15 heel=.04:.42 toe=.26:.38 rise=.78:1.25 bend=.02:.2
  side=none/zip/laces/buckle/elastic under=block/block/wedge
  cloth=plain/plain/plain/quilt kind=boot
Bag: width=.5:.85 height=.5:.95 flare=-.18:.18 round=0:2.99 lift=.25:.7
  span=.25:.6 strap=5:11 front=none/flap/flap/pocket/clasp/zip
  handle=arc/arc/two/long/none cloth=plain/plain/plain/quilt/checks/stripes
"""


def read_cuts(text: str) -> dict[str, dict[str, list]]:
    """Read the table: {garment: {name: [low, high] or list of words}}."""
    table: dict[str, dict[str, list]] = {}
    for word in text.split():
        name, found, value = word.partition("=")
        if not found:
            cut = table.setdefault(word.strip(":").replace("_", " "), {})
        elif ":" in value:
            cut[name] = [float(end) for end in value.split(":")]
        else:
            cut[name] = value.split("/")
    return table


TABLE = read_cuts(CUTS)


def choose(rng: RandomState, garment: str) -> Cut:
    """Choose the measures and parts of one garment."""
    chosen = Cut()
    for name, values in TABLE[garment].items():
        if isinstance(values[0], str):
            setattr(chosen, name, values[rng.randint(len(values))])
        else:
            setattr(chosen, name, rng.uniform(*values))
    return chosen


# An outline is easier to follow in rows of points than one point a line.
# fmt: off


def draw_top(pen: Pen, v: Cut) -> None:
    """Draw a T-shirt, pullover, coat, shirt or dress."""
    top, hem = -v.length / 2, v.length / 2
    middle = top + min(v.length * 0.45, 0.75)
    if v.collar == "hood":
        hood = [(0.18, top - 0.18), (0.34, top), (0.3, top + 0.15)]
        pen.part(mirror(hood), 0.8)
        pen.shape(mirror([(0.1, top - 0.1), (0.2, top + 0.1)]), pen.dark)
    if v.collar == "turtle":
        roll = [(v.neck + 0.02, top - 0.16), (v.neck + 0.07, top + 0.15)]
        pen.part(mirror(roll), 0.85, 0)
    for side in (-1, 1) if v.sleeve > 0.12 else ():
        draw_sleeve(pen, v, top, side)
    lift = 0.08 if v.edge == "tails" else -0.02
    pen.part(mirror([
        (v.neck, top), (v.neck, top), (v.shoulder, top + 0.1),
        (v.bust, top + 0.42), (v.waist, middle),
        (v.hem, hem - lift), (v.hem, hem - lift), (v.hem * 0.5, hem),
    ]))
    if v.edge == "rib":
        pen.line([(-v.hem, hem - 0.13), (v.hem, hem - 0.13)], pen.dark + 30)
    if v.edge in ("belt", "waist"):
        width = 9 if v.edge == "belt" else 4
        pen.line([(-v.waist, middle), (v.waist, middle)], pen.dark, width)
    if v.edge == "pockets":
        for x in (-0.6 * v.hem, 0.6 * v.hem):
            y = hem * 0.4
            pen.line([(x - 0.1, y), (x + 0.1, y - 0.05)], pen.dark, 5)
    if v.collar not in ("hood", "turtle"):
        draw_collar(pen, v, top)
    draw_front(pen, v, top, hem)


def draw_sleeve(pen: Pen, v: Cut, top: float, side: int) -> None:
    """Draw one sleeve, from the shoulder to the cuff."""
    swing = v.spread + pen.rng.uniform(-0.1, 0.1)
    dx, dy = math.sin(swing), math.cos(swing)
    x, y = v.shoulder - 0.05, top + 0.12

    def along(share: float, across: float) -> tuple[float, float]:
        reach, out = share * v.sleeve, across * v.cuff
        return side * (x + dx * reach + dy * out), y + dy * reach - dx * out

    armpit = (side * (v.bust - 0.02), top + 0.46)
    pen.part([
        (side * 0.2, top + 0.03), (side * (x + 0.02), y - 0.05),
        along(1, 0.6), along(1, 0.6), along(1, -0.8), along(1, -0.8),
        armpit, (side * 0.2, top + 0.4),
    ], pen.rng.uniform(0.7, 0.92))
    pen.line([armpit, (side * (v.shoulder - 0.06), y)], pen.dark + 30, 3)
    if v.edge == "rib":
        pen.line([along(0.88, 0.6), along(0.88, -0.8)], pen.dark + 30)


def draw_collar(pen: Pen, v: Cut, top: float) -> None:
    """Cut the hole for the neck and lay the collar around it."""
    w, black = v.neck, pen.dark // 2
    depths = {"crew": 0.1, "scoop": 0.26, "vee": 0.38, "points": 0.2}
    deep = depths.get(v.collar, 0.5)
    if v.collar in ("crew", "scoop"):
        hole = [(w, top - 0.08), (w * 0.9, top + deep * 0.6),
                (w * 0.4, top + deep)]
        pen.shape(mirror(hole), black)
        return
    pen.shape([(-w, top - 0.06), (w, top - 0.06), (0, top + deep)], black, 0)
    flap = {
        "points": [(w, top - 0.12), (w + 0.1, top + 0.02),
                   (w * 0.9, top + 0.26), (0.01, top + 0.16)],
        "lapel": [(w, top - 0.1), (w + 0.14, top + 0.1),
                  (w + 0.08, top + 0.3), (0.02, top + 0.55)],
    }.get(v.collar, ())
    for side in (-1, 1) if flap else ():
        half = [(side * x, y) for x, y in flap]
        pen.part(half, 1.2, 0)
        pen.line(half[1:], pen.dark + 20, 3)


def draw_front(pen: Pen, v: Cut, top: float, hem: float) -> None:
    """Draw what closes or decorates the front."""
    neck = top + (0.5 if v.collar == "lapel" else 0.2)
    opening = {"buttons": 3, "double": 3, "zip": 6, "open": 12}
    if v.front in opening:
        pen.line([(0.02, neck), (0.02, hem)], pen.dark, opening[v.front])
    buttons = {"buttons": (0.2, (-0.04,)), "double": (0.28, (-0.12, 0.14))}
    step, columns = buttons.get(v.front, (1, ()))
    shade = pen.dark if pen.dark < 25 else pen.light
    for y in np.arange(neck + 0.08, hem - 0.15, step).tolist():
        for x in columns:
            pen.dot(x, y, shade)
    if v.front == "print":
        a, b, c, d = pen.rng.uniform(0.08, 0.28, 4).tolist()
        badge = [(-a, -0.35), (b, -0.35 - a / 3), (c, d - 0.05), (-d, a - 0.1)]
        shade = (pen.light, pen.dark + 20)[pen.rng.randint(2)]
        pen.shape(badge, shade, pen.rng.randint(3))
    if "pocket" in (v.front, v.edge):
        y = top + 0.45
        pen.line([(0.12, y), (0.32, y), (0.32, y + 0.2), (0.22, y + 0.25),
                  (0.12, y + 0.2), (0.12, y)], pen.dark + 40, 3)


def draw_trouser(pen: Pen, v: Cut) -> None:
    """Draw trousers: two legs, a waistband, a fly."""
    top, hem = -v.length / 2, v.length / 2
    fork, foot = top + v.fork, v.gap + v.hem * 1.6
    knee, calf = (fork + hem) / 2, (v.hip + v.gap + v.hem) / 2 * v.flare
    for side in (-1, 1):
        leg = [(0, top), (v.waist, top), (v.hip, top + 0.4), (calf, knee),
               (foot, hem), (foot, hem), (v.gap, hem), (v.gap, hem),
               (0.03 + v.gap / 2, knee), (0, fork), (0, top)]
        crease = [(v.hip * 0.55, top + 0.3), (v.gap + v.hem * 0.75, hem)]
        pocket = [(v.waist * 0.6, top + 0.14), (v.hip, top + 0.34)]
        pen.part([(side * x, y) for x, y in leg], pen.rng.uniform(0.8, 1))
        if v.front == "crease":
            pen.line([(side * x, y) for x, y in crease], pen.dark + 60, 3)
        if v.front == "pockets":
            pen.line([(side * x, y) for x, y in pocket], pen.dark + 20)
    pen.line([(0, top), (0, fork)], pen.dark + 30, 3)
    pen.line([(0, fork), (0, hem)], 0, 3)
    band = [(-v.waist, top + 0.12), (v.waist, top + 0.12)]
    pen.line(band, pen.dark + 20, 8 if v.front == "belt" else 3)


def draw_shoe(pen: Pen, v: Cut) -> None:
    """Draw a sandal, a sneaker or an ankle boot, its toe on the left."""
    ground = 0.32 + v.rise / 5
    under, lift = ground - v.sole, ground - v.sole - v.heel
    # The line on which the foot stands, from the toe to the heel.
    bed = [(-0.92, under - 0.02), (-0.6, under), (-0.2, under),
           (0.25, under - v.heel * 0.6), (0.6, lift), (0.88, lift)]
    pale = v.kind == "sneaker" or pen.rng.randint(3) == 0
    shade = pen.light if pale else pen.dark + 60
    if v.kind == "sandal":
        draw_straps(pen, v, under, lift)
    else:
        draw_upper(pen, v, under, lift)
    pen.shape([*bed, *((x, y + v.sole) for x, y in bed[::-1])], shade, 1)
    if v.heel > 0.12:
        front, foot = {"stiletto": (0.68, 0.76), "wedge": (-0.3, -0.27)}.get(
            v.under, (0.5, 0.53))
        back = 0.85 if v.under == "stiletto" else 0.87
        pen.shape([(front, lift + v.sole * 0.6), (0.9, lift),
                   (back, ground), (foot, ground)], shade, 0)


def draw_upper(pen: Pen, v: Cut, under: float, lift: float) -> None:
    """Draw the closed upper of a sneaker or a boot, and its trimmings."""
    boot, edge = v.kind == "boot", pen.dark + 20
    top, dip = lift - v.rise, 0 if boot else 0.14
    a, b = v.bend - 0.18, lift - 0.42
    if not boot:
        a, b = v.bend - 0.3, top + 0.22
    pen.part([
        (-0.9, under + 0.02), (-0.94, under - v.toe * 0.5),
        (-0.7, under - v.toe), (a, b), (v.bend, top),
        (v.bend + 0.1, top - 0.03),
        (0.45, top + dip), (0.82, top), (0.82, top), (0.86, lift - 0.2),
        (0.9, lift + 0.04), (0.9, lift + 0.04), (0.2, under + 0.04)])
    pen.shape([(v.bend + 0.12, top - 0.01), (0.45, top + dip - 0.04),
               (0.8, top - 0.02), (0.45, top + dip + 0.05)], pen.dark)
    if v.side == "laces" or not boot:
        shade = (pen.light, edge)[pen.rng.randint(2)]
        for t in (0, 0.25, 0.5, 0.75):
            x, y = a + (v.bend - a) * t, b + (top - b) * t
            pen.line([(x - 0.02, y - 0.04), (x + 0.16, y + 0.06)], shade)
    if v.side == "zip":
        pen.line([(0.45, top + 0.05), (0.4, lift - 0.1)], edge)
    if v.side == "elastic":
        pen.shape([(0.3, top), (0.6, top), (0.5, lift - 0.3),
                   (0.4, lift - 0.3)], edge, 0)
    if v.side == "buckle":
        pen.line([(v.bend - 0.1, lift - 0.4), (0.84, lift - 0.3)], edge, 8)
        pen.dot(0.3, lift - 0.36, pen.light, 6)
    if v.side == "swoosh":
        pen.line([(-0.4, under - 0.2), (-0.1, under - 0.1),
                  (0.6, top + 0.25)], pen.light, 7)
    for x in (-0.15, 0.05, 0.25) if v.side == "stripes" else ():
        pen.line([(x, top + 0.25), (x - 0.15, under - 0.02)], edge, 5)
    if v.side == "panel":
        pen.shape([(-0.94, under), (-0.8, under - 0.26), (-0.5, under)], edge)
        pen.shape([(0.6, under), (0.7, top + 0.1), (0.86, top + 0.05),
                   (0.88, under)], edge, 1)


def draw_straps(pen: Pen, v: Cut, under: float, lift: float) -> None:
    """Draw the straps of a sandal."""
    width, shade = pen.rng.randint(8, 15), int(pen.rng.randint(110, 240))
    top = lift - v.rise
    side = (0.2, (top + lift) / 2)
    if v.side in ("bands", "cross"):
        lean = 0.25 if v.side == "cross" else 0.06
        for x in (-0.72, -0.42, -0.12)[: pen.rng.randint(2, 4)]:
            pen.line([(x - 0.1, under), (x + lean / 2, under - 0.26),
                      (x + lean + 0.08, under - 0.22),
                      (x + lean + 0.16, under)], shade, width)
    else:
        pen.line([(-0.7, under), (-0.55, under - 0.2), (0, lift - 0.25),
                  (0.3, lift)], shade, width)
    if v.side == "tee":
        pen.line([(-0.75, under), (-0.6, under - 0.25), (-0.4, under)],
                 shade, width)
    if v.back != "none":
        pen.line([(0.85, lift), (0.84, top), (0.5, top + 0.05),
                  (0.3, top + 0.16), side], shade, width)
    if v.back == "strap":
        pen.line([side, (-0.05, under - v.heel * 0.4)], shade, width)


def draw_bag(pen: Pen, v: Cut) -> None:
    """Draw a bag: its handle, its body and how it closes."""
    top = v.lift * 0.4 - v.height / 2
    bottom, w, width = top + v.height, v.width, round(v.strap)
    strap = pen.dark + 110 if pen.rng.randint(2) else pen.light - 40
    y, edge = top + 0.08, pen.dark + 20
    span, high = v.span, top - v.lift
    if v.handle == "long":
        span, high = min(v.span * 1.3, w - 0.05), -0.98
    arc = mirror([(span * 0.3, high), (span * 0.7, high * 0.9 + y * 0.1),
                  (span, (high + y) / 2), (span, y)])
    loop = [*arc[4:], *arc[:4]][::-1]
    if v.handle != "none":
        pen.line(loop, strap, width)
    if v.handle == "two":
        back = [(x * 0.8 + 0.1, h * 0.9 + y * 0.1) for x, h in loop]
        pen.line(back, strap - 40, width)
    wide, narrow = w - max(v.flare, 0), w + min(v.flare, 0)
    pen.part(mirror([(wide, top), (wide, top), (narrow, bottom),
                     (narrow, bottom)]), 1, int(v.round))
    if v.front == "flap":
        low = top + v.height * 0.55
        flap = mirror([(wide, top), (wide, top), (wide * 0.85, low - 0.1),
                       (wide * 0.3, low)])
        pen.part(flap, 0.75)
        pen.line(flap[1:7], edge)
        pen.dot(0, low - 0.06, pen.light, 5)
    if v.front == "pocket":
        a, b = top + v.height * 0.4, bottom - 0.12
        pen.line([(-w * 0.6, a), (w * 0.6, a), (w * 0.55, b), (-w * 0.55, b),
                  (-w * 0.6, a)], edge)
    if v.front in ("clasp", "zip"):
        pen.line([(-wide * 0.9, y), (wide * 0.9, y)], edge, 6)
    if v.front == "clasp":
        pen.dot(0, y, pen.light, 7)


# fmt: on


SHOES = dict.fromkeys(("Sandal", "Sneaker", "Ankle boot"), draw_shoe)
DRAW = {**SHOES, "Trouser": draw_trouser, "Bag": draw_bag}


def draw_garment(label: int, rng: RandomState) -> np.ndarray:
    """Return one garment of this class, 28 x 28, light on black."""
    name = GARMENTS[label]
    v = choose(rng, name)
    pen = Pen(rng, v.cloth)
    DRAW.get(name, draw_top)(pen, v)
    return pen.finish()
