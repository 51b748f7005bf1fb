"""A network as a drawing, made from the model itself.

Boxes are what the layers put out: sides and channels by their square
roots. Inside each box lies the window of the next layer, where it really
starts, and rays lead from it to the one place that it computes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from torch import Tensor, nn

from ..layers import layer_table
from . import svg
from .forms import TALL, WIDE, Form, Texts
from .svg import Box

KINDS = {
    "Conv2d": "conv",
    "MaxPool2d": "pool",
    "Flatten": "flatten",
    "Linear": "dense",
}
# Layers that change no shape are named below the box that they work on
NOTES = {
    "LocalResponseNorm": "LRN",
    "WithinMapNorm": "map norm",
    "AdaptiveAvgPool2d": "avg pool",
    "Dropout": "dropout",
    "ZeroPad2d": "zeros",
}


@dataclass
class Block:
    """What one layer puts out, and how it got there."""

    name: str
    kind: str
    shape: tuple[int, ...]
    layer: nn.Module | None = None
    parameters: int = 0
    macs: int = 0
    notes: list[str] = field(default_factory=list)
    lanes: int = 1  # boxes that stand for it, one for each group of channels

    def pair(self, name: str) -> tuple[int, int]:
        """A setting of the layer for height and width."""
        value = getattr(self.layer, name, 0)
        return value if isinstance(value, tuple) else (value, value)

    def window(self) -> tuple[int, ...]:
        """Height, width and, of a kernel, channels; () without a window."""
        if self.kind == "conv":
            channels, height, width = self.layer.weight.shape[1:]
            return height, width, channels
        return self.pair("kernel_size") if self.kind == "pool" else ()

    def made_by(self) -> list[str]:
        """The window and how it moves, where that is not by one."""
        size = self.window()
        lines = [times(*size[:2])] if size else []
        lines += [f"× {channels}" for channels in size[2:]]
        for name, usual in (("stride", 1), ("padding", 0), ("dilation", 1)):
            value = self.pair(name)[0]
            if size and value != usual:
                lines.append(f"{name.replace('padding', 'pad')} {value}")
        return lines

    def size(self) -> list[str]:
        """The size of the output, in words that fit below a box."""
        if len(self.shape) == 1:
            return [str(self.shape[0])]
        channels, height, width = self.shape
        return [times(height, width), f"× {channels}"]

    def told(self) -> str:
        """All of it in one line."""
        channels, *sides = self.shape
        text = f"{self.name}: {times(*sides, channels)}"
        if self.window():
            text += f", window {', '.join(self.made_by())}"
        if self.parameters:
            text += f", {self.parameters:,} parameters"
        if self.macs:
            text += f", {self.macs:,} multiply-adds"
        return text


def times(*sizes: int) -> str:
    """Sizes with a sign between them."""
    return "×".join(str(size) for size in sizes)


def blocks(model: nn.Module, image_shape: tuple) -> list[Block]:
    """The image, then each layer that has a window or changes the shape."""
    found = [Block("image", "image", tuple(image_shape))]
    convs = 0
    for row in layer_table(model, image_shape):
        kind = KINDS.get(row.kind)
        if kind is None and row.shape == found[-1].shape:
            found[-1].notes.append(NOTES.get(row.kind, row.kind))
            continue
        kind = kind or "other"
        convs += kind == "conv"
        name = NOTES.get(row.kind, row.kind) if kind == "other" else kind
        if kind in ("conv", "pool"):
            name += f" {convs}"
        layer = dict(model.named_modules()).get(row.name)
        numbers = (row.parameters, row.macs)
        found.append(Block(name, kind, row.shape, layer, *numbers))
    return with_lanes(found)


def with_lanes(found: list[Block]) -> list[Block]:
    """Two boxes for each grid of maps, where a convolution has groups."""
    groups = max(getattr(block.layer, "groups", 1) for block in found)
    seen = False
    for block in found:
        seen |= block.kind == "conv"
        if seen and len(block.shape) == 3:
            block.lanes = groups
    return found


@dataclass
class Drawing:
    """What `draw` returns: a notebook shows it as two inline pictures."""

    title: str
    blocks: list[Block]
    levels: list[list[int]] = field(default_factory=list)  # of the image

    def description(self) -> str:
        """The network in words, for who cannot see it."""
        return ". ".join(block.told() for block in self.blocks) + "."

    def picture(self, form: Form = WIDE, labels: bool = True) -> str:
        """One SVG: `WIDE` from left to right, `TALL` from top to bottom."""
        placed = list(place(self.blocks, form))
        marks = [*shapes(placed, self.levels)]
        if labels:
            texts = []
            for block, solids in placed:
                texts += form.texts(*label(block), solids)
            texts += form.legend(legend(self.blocks), marks + texts)
            marks += ['<g class="labels">', *texts, "</g>"]
        return svg.document(marks, form, self.title, self.description())

    def only(self, first: str, last: str) -> "Drawing":
        """A part of the drawing, from one block to another, by name."""
        names = [block.name for block in self.blocks]
        for name in (first, last):
            if name not in names:
                raise ValueError(
                    f"no block is called {name!r}; there are: "
                    f"{', '.join(dict.fromkeys(names))}"
                )
        start, end = names.index(first), names.index(last)
        part = self.blocks[start : end + 1]
        return Drawing(f"{first} to {last}", part, self.levels)

    def _repr_html_(self) -> str:
        pictures = [self.picture(WIDE), self.picture(TALL)]
        return svg.page(pictures, f"{self.title}. {self.description()}")

    def __repr__(self) -> str:
        sizes = [" ".join(block.size()) for block in self.blocks]
        return f"{self.title}: " + ", ".join(sizes)


def draw(
    model: nn.Module, image_shape: tuple, picture: Tensor | None = None
) -> Drawing:
    """The drawing of a model that has `features` and `classifier`.

    A model on the meta device, which knows shapes only, will do. The
    picture, (1, H, W) in uint8, is shown on the image.
    """
    found = blocks(model, image_shape)
    total = sum(block.parameters for block in found)
    channels, height, width = image_shape
    title = (
        f"A network from an image of {times(height, width, channels)} "
        f"to {found[-1].shape[0]} numbers, with {total:,} parameters"
    )
    return Drawing(title, found, [] if picture is None else grays(picture))


def grays(picture: Tensor) -> list[list[int]]:
    """A picture in five grays, from 0 to 4; its brightest place is 4."""
    bright = picture[0].long()
    return (bright * 5 // (bright.max() + 1)).tolist()


def place(found: list[Block], form: Form) -> Iterator[tuple[Block, list]]:
    """Each block with its boxes, one for each lane, one after another."""
    along = 0.0
    for block in found:
        solids = [
            form.solid(block.shape, lane, block.lanes)
            for lane in range(block.lanes)
        ]
        room = form.room(solids[0], *label(block))
        start = along + (room - form.extent(solids[0])) / 2
        yield block, [form.moved(solid, start) for solid in solids]
        along += room


def shapes(placed: list, levels: list) -> Iterator[str]:
    """Boxes, windows and rays, those behind first."""
    for (block, solids), (after, targets) in pairwise([*placed, (None, [])]):
        for solid in solids:
            yield (
                f'<g class="{block.kind}">{solid.faces()}'
                f"<title>{block.told()}</title></g>"
            )
        if levels and block.kind == "image":
            yield svg.pixels(solids[0], levels)
        for lane, solid in enumerate(solids):
            fed = targets
            if after and after.lanes == block.lanes and apart(after):
                fed = targets[lane : lane + 1]
            if after:
                yield from join(after, solid, fed)


def apart(block: Block) -> bool:
    """Whether each lane of a block is computed from one lane only."""
    return getattr(block.layer, "groups", block.lanes) == block.lanes


def join(after: Block, solid: Box, fed: list) -> Iterator[str]:
    """What leads from one box to the boxes that are computed from it."""
    if not after.window():
        yield from (svg.fan(solid, target) for target in fed)
        return
    low, high, center = looked_at(after, solid)
    window = solid.part(low, high)
    yield f'<g class="window {after.kind}">{window.faces()}'
    yield from (svg.rays(window, target, *center) for target in fed)
    yield "</g>"


def looked_at(after: Block, box: Box) -> tuple[list, list, list]:
    """Where a window begins and ends, and the center of its output place.

    Of rows and columns, as shares of the whole.
    """
    low, high, center = [], [], []
    sizes = zip(box.shape[1:], after.shape[1:], strict=True)
    for axis, (size, outputs) in enumerate(sizes):
        chosen = int(0.4 * outputs)
        start = chosen * after.pair("stride")[axis]
        start -= after.pair("padding")[axis]
        reach = after.pair("dilation")[axis] * (after.window()[axis] - 1)
        low.append(max(start, 0) / size)
        high.append(min(start + reach + 1, size) / size)
        center.append((chosen + 0.5) / outputs)
    return low, high, center


def label(block: Block) -> tuple[Texts, Texts]:
    """Lines for above a box, how it was made, and below, what it is."""
    above = [("name", block.name)]
    above += [("made", line) for line in block.made_by()]
    below = [("size", line) for line in block.size()]
    below += [("note", line) for line in block.notes]
    return above, below


def legend(found: list[Block]) -> Texts:
    """What the colours stand for."""
    kinds = {block.kind for block in found}
    words = {"conv": "convolution", "pool": "max pool", "dense": "dense"}
    entries = [(kind, words[kind]) for kind in words if kind in kinds]
    return [*entries, ("window conv", "what one place of the next box sees")]
