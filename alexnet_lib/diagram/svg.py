"""Boxes in perspective, as SVG.

A point of the picture is a complex number, x + y * 1j, with y downwards.
"""

import re
from dataclasses import dataclass, replace
from html import escape
from importlib.resources import files
from itertools import pairwise
from typing import Protocol

STYLE = files(__package__).joinpath("style.css").read_text("utf-8")
ON_PATH = re.compile(r"[ML](-?[\d.]+) (-?[\d.]+)")
OF_TEXT = re.compile(
    r'<text class="\w+" x="(.+?)" y="(.+?)" text-anchor="(\w+)">(.*?)<'
)
Point = complex


class Ways(Protocol):
    """What a solid must know of the form that it is drawn in."""

    name: str
    ways: tuple[Point, Point, Point]  # of channels, rows and columns
    across: Point  # where a bar and a second lane lie
    visible: tuple[tuple[str, tuple[tuple[int, int, int], ...]], ...]
    seen: int  # which map is seen: the first, 0, or the last, 1


@dataclass(frozen=True)
class Box:
    """Maps as a solid: `at` finds a point by channel, row and column.

    Each runs from 0 to 1; the box stands for the part between `low` and
    `high` of rows and columns.
    """

    form: Ways
    shape: tuple[int, ...]
    origin: Point
    lengths: tuple[float, float, float]  # along channels, rows, columns
    low: tuple[float, ...] = (0, 0)
    high: tuple[float, ...] = (1, 1)

    def at(self, channel: float, row: float, column: float) -> Point:
        """Where a place of the whole box lies in the picture."""
        place = (channel, row, column)
        steps = zip(place, self.lengths, self.form.ways, strict=True)
        return self.origin + sum(p * length * way for p, length, way in steps)

    def corner(self, channel: int, row: int, column: int) -> Point:
        """A corner of the part, each number 0 or 1."""
        ends = (self.low, self.high)
        return self.at(channel, ends[row][0], ends[column][1])

    def part(self, low: list[float], high: list[float]) -> "Box":
        """A part of the rows and columns, over all channels."""
        return replace(self, low=tuple(low), high=tuple(high))

    def side(self, channel: int) -> list[Point]:
        """The corners of the first (0) or the last (1) map."""
        ring = [(0, 0), (0, 1), (1, 1), (1, 0)]
        return [self.corner(channel, *corner) for corner in ring]

    def faces(self) -> str:
        """The three faces that are seen."""
        return "".join(
            polygon([self.corner(*corner) for corner in corners], name)
            for name, corners in self.form.visible
        )

    def extent(self) -> list[Point]:
        """All corners."""
        return [*self.side(0), *self.side(1)]


@dataclass(frozen=True)
class Bar:
    """A row of numbers as a bar that lies across the way of the data."""

    form: Ways
    origin: Point
    length: float
    thick: float = 9.0

    def side(self, channel: int) -> list[Point]:
        """The ends of the bar on its way in (0) or out (1)."""
        start = self.origin + channel * self.thick * self.form.ways[0]
        return [start, start + self.length * self.form.across]

    def faces(self) -> str:
        """The bar."""
        return polygon([*self.side(0), *reversed(self.side(1))], "map")

    def extent(self) -> list[Point]:
        """All corners."""
        return [*self.side(0), *self.side(1)]


def number(value: float) -> str:
    """A coordinate, short, and the same on every machine."""
    return f"{round(value, 1) + 0:g}"


def path(points: list[Point], closed: bool = True) -> str:
    """The data of an SVG path through points."""
    steps = [f"{number(p.real)} {number(p.imag)}" for p in points]
    return "M" + "L".join(steps) + "Z" * closed


def polygon(points: list[Point], name: str) -> str:
    """A closed path of a class."""
    return f'<path class="{name}" d="{path(points)}"/>'


def hull(points: list[Point]) -> list[Point]:
    """The corners of the smallest convex polygon around points."""

    def turn(a: Point, b: Point, c: Point) -> float:
        return ((b - a).conjugate() * (c - a)).imag

    def half(ordered: list[Point]) -> list[Point]:
        kept: list[Point] = []
        for point in ordered:
            while len(kept) > 1 and turn(*kept[-2:], point) <= 1e-9:
                kept.pop()
            kept.append(point)
        return kept[:-1]

    ordered = sorted(set(points), key=lambda p: (p.real, p.imag))
    return half(ordered) + half(ordered[::-1])


def fan(start: Box | Bar, end: Box | Bar) -> str:
    """All of one thing leads to all of the next."""
    return polygon(hull(start.side(1) + end.side(0)), "fan")


def rays(window: Box, target: Box, row: float, column: float) -> str:
    """A window leads to one place, and that through all maps of the next."""
    place, through = target.at(0, row, column), target.at(1, row, column)
    corners = window.side(1)
    lines = "".join(path([corner, place], False) for corner in corners)
    return (
        polygon(hull([*corners, place]), "beam")
        + f'<path class="ray" d="{lines}"/>'
        + f'<path class="place" d="{path([place, through], False)}"/>'
    )


def pixels(box: Box, levels: list[list[int]]) -> str:
    """A small gray picture on the map that is seen, from 0 to 4.

    Equal neighbours in a row are one piece.
    """
    high, wide = len(levels), len(levels[0])
    pieces: dict[int, str] = {}
    for row, line in enumerate(levels):
        changes = [i for i in range(1, wide) if line[i] != line[i - 1]]
        for start, end in pairwise([0, *changes, wide]):
            low, top = start / wide, row / high
            piece = box.part([top, low], [(row + 1) / high, end / wide])
            corners = path(piece.side(box.form.seen))
            pieces[line[start]] = pieces.get(line[start], "") + corners
    return "".join(
        f'<path class="pixel" fill-opacity="{level / 5:g}" d="{ways}"/>'
        for level, ways in sorted(pieces.items())
        if level
    )


def text(line: str, place: Point, name: str, anchor: str) -> str:
    """One line of text."""
    x, y = number(place.real), number(place.imag)
    return (
        f'<text class="{name}" x="{x}" y="{y}" text-anchor="{anchor}">'
        f"{escape(line)}</text>"
    )


def points_of(marks: list[str]) -> list[Point]:
    """The points that marks reach, those of texts roughly."""
    points = []
    for mark in marks:
        points += [complex(*map(float, p)) for p in ON_PATH.findall(mark)]
        for x, y, anchor, line in OF_TEXT.findall(mark):
            start = complex(float(x), float(y))
            width = 7.6 * len(line)
            start -= width / 2 * (anchor == "middle")
            points += [start - 12j, start + width + 3j]
    return points


def lowest(marks: list[str]) -> float:
    """The lowest line that marks reach."""
    return max(point.imag for point in points_of(marks))


def document(
    marks: list[str], form: Ways, title: str, description: str
) -> str:
    """A whole picture with its name and its description."""
    points = points_of(marks)
    xs, ys = [p.real for p in points], [p.imag for p in points]
    width, height = max(xs) - min(xs) + 8, max(ys) - min(ys) + 8
    view = (min(xs) - 4, min(ys) - 4, width, height)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{form.name}" '
        f'role="img" viewBox="{" ".join(map(number, view))}" '
        f'style="max-width: {1.25 * width:.0f}px">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
        f"{''.join(marks)}</svg>"
    )


def page(pictures: list[str], words: str) -> str:
    """Pictures of which a page shows the one that fits its width.

    Where a notebook that has not been run here may show no pictures, its
    viewer leaves out the style too, and so shows the words instead.
    """
    return (
        f'<div class="alexnet-net" hidden=""><style>{STYLE}</style>'
        f"{''.join(pictures)}</div>"
        f'<p class="alexnet-net-words">{escape(words)}</p>'
    )


def standing_alone(picture: str, theme: str) -> str:
    """A picture as a file of its own, "light" or "dark"."""
    head, rest = picture.split(">", 1)
    head = head.replace('class="', f'class="alexnet-net {theme} ')
    return f"{head}><style>{STYLE}</style>{rest}\n"
