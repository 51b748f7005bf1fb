"""How a network is laid out: from left to right, or from top to bottom."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .svg import Bar, Box, Point, lowest, polygon, text

SIDE, DEPTH, BAR = 11.0, 1.25, 1.5  # units by square root of a size
LINE = 15.5  # from one line of text to the next
Texts = list[tuple[str, str]]  # the class of each line, and the line


@dataclass(frozen=True)
class Form:
    """Which ways channels, rows and columns of maps lead in a picture."""

    name: str
    ways: tuple[Point, Point, Point]
    across: Point  # where a bar and a second lane lie
    visible: tuple[tuple[str, tuple[tuple[int, int, int], ...]], ...]
    gap: float  # between two boxes
    slot: float  # the least room along the way
    seen: int  # which map is seen: the first, 0, or the last, 1

    def solid(self, shape: tuple, lane: int, lanes: int):
        """A box or a bar in one of some lanes, at the start of the way."""
        if len(shape) == 1:
            length = max(BAR * math.sqrt(shape[0]), 6)
            solid = Bar(self, 0j, length)
        else:
            deep = max(DEPTH * math.sqrt(shape[0] / lanes), 2.5)
            high, wide = (SIDE * math.sqrt(n) for n in shape[1:])
            solid = Box(self, shape, 0j, (deep, high, wide))
        return replace(solid, origin=self.base(solid, lane, lanes))

    def base(self, solid: Box | Bar, lane: int, lanes: int) -> Point:
        """Where a solid stands across the way."""
        raise NotImplementedError

    def extent(self, solid: Box | Bar) -> float:
        """How much of the way a solid takes."""
        ends = [self.along(point) for point in solid.extent()]
        return max(ends) - min(ends)

    def moved(self, solid: Box | Bar, along: float) -> Box | Bar:
        """The same solid, further along the way."""
        return replace(solid, origin=solid.origin + along * self.ways[0])


class Wide(Form):
    """From left to right, all boxes on one floor."""

    def base(self, solid, lane, lanes):
        low = max(point.imag for point in solid.extent())
        return -1j * (low + 112 * (lanes - 1 - lane))

    def along(self, point):
        return point.real

    def room(self, solid, above, below):
        """How much of the way a solid and its text need."""
        return max(self.extent(solid) + self.gap, self.slot)

    def texts(self, above: Texts, below: Texts, solids) -> Iterator[str]:
        """Above a box how it came to be, below it what it is."""
        points = [point for solid in solids for point in solid.extent()]
        x = (min(p.real for p in points) + max(p.real for p in points)) / 2
        y = min(p.imag for p in points) - 8 - LINE * (len(above) - 1)
        for i, (name, line) in enumerate(above):
            yield text(line, complex(x, y + LINE * i), name, "middle")
        for i, (name, line) in enumerate(below):
            yield text(line, complex(x, 20 + LINE * i), name, "middle")

    def legend(self, entries: Texts, marks: list[str]) -> Iterator[str]:
        """One line below everything."""
        x, y = 0.0, lowest(marks) + 32
        for name, line in entries:
            yield sample(complex(x, y), name)
            yield text(line, complex(x + 18, y), "note", "start")
            x += 36 + 6.9 * len(line)


class Tall(Form):
    """From top to bottom, the text on the right."""

    def base(self, solid, lane, lanes):
        xs = [point.real for point in solid.extent()]
        middle = (max(xs) + min(xs)) / 2
        return 118 + 116 * (lane - (lanes - 1) / 2) - middle + 0j

    def along(self, point):
        return point.imag

    def room(self, solid, above, below):
        """How much of the way a solid and its text need."""
        lines = LINE * len(together(above, below)) + 12
        return max(self.extent(solid) + self.gap, lines)

    def texts(self, above: Texts, below: Texts, solids) -> Iterator[str]:
        """All beside the box, sizes on the line of the name."""
        points = [point for solid in solids for point in solid.extent()]
        ends = [point.imag for point in points]
        lines = together(above, below)
        y = (min(ends) + max(ends)) / 2 - LINE * (len(lines) / 2 - 0.75)
        for i, (name, line) in enumerate(lines):
            yield text(line, complex(238, y + LINE * i), name, "start")

    def legend(self, entries: Texts, marks: list[str]) -> Iterator[str]:
        """One line for each entry."""
        start = lowest(marks) + 32
        for i, (name, line) in enumerate(entries):
            place = complex(4, start + 20 * i)
            yield sample(place, name)
            yield text(line, place + 18, "note", "start")


def together(above: Texts, below: Texts) -> Texts:
    """The lines of a box for a narrow column."""

    def of(name: str) -> list[str]:
        return [line for kind, line in above + below if kind == name]

    lines = [("name", line) for line in of("name")]
    lines.append(("size", " ".join(of("size"))))
    made = ", ".join(of("made")).replace(", ×", " ×")
    if len(made) > 15:
        made, _, rest = made.partition(", ")
        lines += [("made", made), ("made", rest)]
    elif made:
        lines.append(("made", made))
    notes = ", ".join(of("note"))
    return lines + [("note", notes)] * bool(notes)


def sample(place: Point, name: str) -> str:
    """A small square of a colour, for the legend."""
    corners = [place + d for d in (-10j, 11 - 10j, 11 + 1j, 1j)]
    return f'<g class="{name}">{polygon(corners, "edge")}</g>'


WIDE = Wide(
    "wide",
    (1, 1j, 0.34 - 0.22j),
    1j,
    (
        ("edge", ((0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0))),
        ("lid", ((0, 0, 0), (1, 0, 0), (1, 0, 1), (0, 0, 1))),
        ("map", ((1, 0, 0), (1, 1, 0), (1, 1, 1), (1, 0, 1))),
    ),
    gap=27,
    slot=55,
    seen=1,
)
TALL = Tall(
    "tall",
    (1j, -0.34 + 0.28j, 1),
    1,
    (
        ("edge", ((0, 1, 0), (1, 1, 0), (1, 1, 1), (0, 1, 1))),
        ("lid", ((0, 0, 1), (0, 1, 1), (1, 1, 1), (1, 0, 1))),
        ("map", ((0, 0, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1))),
    ),
    gap=22,
    slot=0,
    seen=0,
)
