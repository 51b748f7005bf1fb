"""Make what the explorers of the book show, from its own code and outputs.

    python tools/explorers.py           writes data, pictures and cells
    python tools/explorers.py --check   only reports; fails on a difference

The presets of the output-size explorer are the layers of
`alexnet_fashion`. Scores and curves are read from what the notebooks have
printed, which `pytest --nbval` compares. All of it goes into
`book/_explorers/explorers-data.js`.

An explorer stands in a markdown cell that begins with
`<figure class="explorer" data-explorer="NAME"` (and `data-set="SET"` for
curves). The rest of the cell is written here: a still picture, for readers
without scripts, in JupyterLab and in Colab; its description; a caption. The
picture is part of the address of the image, since Colab shows no image that
lies in another file.
"""

import argparse
import json
import math
import re
import sys
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path
from urllib.parse import quote

import nbformat
import torch
from nbformat import NotebookNode
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from alexnet_lib.layers import output_size  # noqa: E402
from alexnet_lib.model import alexnet_fashion  # noqa: E402
from tools.notebooks import text_of  # noqa: E402
from tools.sync_taught import ROOT, notebooks  # noqa: E402

DATA = ROOT / "book/_explorers/explorers-data.js"
LOOP, SOFTMAX = "04_training_loop", "08_softmax_inference"
FIGURE = re.compile(
    r'<figure class="explorer" data-explorer="([\w-]+)"'
    r'(?: data-set="([\w-]+)")?'
)
BLUE, ORANGE, GREEN, PURPLE, BROWN, GRAY = (
    "#0072b2",
    "#b36b00",
    "#00795a",
    "#a8467c",
    "#7b5a00",
    "#4d4d4d",
)
DASHES = ["", "7 3", "2 2.5", "9 3 2 3", "14 4", "4 2 1 2"]


# Layers


def setting(layer: nn.Module, size: int, channels: int) -> dict:
    """What the output-size explorer is set to for a layer."""
    pool = isinstance(layer, nn.MaxPool2d)

    def one(value: int | tuple) -> int:
        return value[0] if isinstance(value, tuple) else value

    return {
        "pool": pool,
        "size": size,
        "kernel": one(layer.kernel_size),
        "stride": one(layer.stride),
        "padding": one(layer.padding),
        "dilation": one(layer.dilation),
        "channelsIn": channels,
        "channelsOut": channels if pool else layer.out_channels,
    }


def layers() -> list[dict]:
    """A preset for each convolution and pool of the network, in order."""
    with torch.device("meta"):
        model = alexnet_fashion()
    found, size, channels, number = [], 224, 1, 0
    for layer in model.features:
        if not isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            continue  # a ReLU keeps the size
        pool = isinstance(layer, nn.MaxPool2d)
        number += not pool
        numbers = setting(layer, size, channels)
        found.append(
            {
                "group": "The network",
                "label": f"{'pool' if pool else 'conv'} {number}",
                "setting": numbers,
                "note": "",
            }
        )
        window = ("kernel", "stride", "padding", "dilation")
        size = output_size(size, *(numbers[name] for name in window))
        channels = numbers["channelsOut"]
    return found + papers()


def papers() -> list[dict]:
    """The paper's first layer: 224 pixels and a map of 55, three times."""
    found = []
    for size, padding in [(224, 0), (224, 2), (227, 0)]:
        conv1 = nn.Conv2d(
            3, 96, kernel_size=11, stride=4, padding=padding, device="meta"
        )
        out = output_size(size, 11, 4, padding)
        exact = (size + 2 * padding - 11) / 4 + 1
        note = f"({size} + {2 * padding} − 11) / 4 + 1 = {exact:g}"
        if out == 55:
            note += ", so the map is 55 × 55, as the paper says."
        else:
            note += (
                f", and a part of a window does not exist: the map is {out} "
                f"× {out}, not the paper's 55 × 55. Padding 2 or 227 pixels "
                "give 55."
            )
        found.append(
            {
                "group": "The paper's 55",
                "label": f"{size} px, padding {padding}",
                "setting": setting(conv1, size, 3),
                "note": note,
            }
        )
    return found


# What the notebooks print


@cache
def cells_of(name: str) -> dict[str, NotebookNode]:
    """The cells of a chapter by their ids."""
    path = ROOT / "book/notebooks" / f"{name}.ipynb"
    book = nbformat.read(path, as_version=4)
    return {cell.id: cell for cell in book.cells}


def printed_by(cell_id: str, chapter: str) -> str:
    """What a cell has printed; ValueError if it is not there."""
    cells = cells_of(chapter)
    if cell_id not in cells:
        raise ValueError(
            f"{chapter} has no cell {cell_id}, from which an explorer reads "
            "its numbers: name the new one in tools/explorers.py"
        )
    return text_of(cells[cell_id])


def rows_of(text: str, pattern: str, source: str) -> list[tuple]:
    """The lines that match a pattern; ValueError if none does."""
    found = re.findall(f"(?m){pattern}", text)
    if not found:
        raise ValueError(
            f"{source} prints no line like {pattern!r}: mend the pattern in "
            "tools/explorers.py"
        )
    return found


def softmax_presets() -> list[dict]:
    """Scores of two networks, as printed, and three made to show a point."""
    text = printed_by("08-softmax-2", SOFTMAX)
    rows = rows_of(text, r"^(\w+) +(-?\d+\.\d+)$", "08-softmax-2")
    flowers, logits = [row[0] for row in rows], [float(row[1]) for row in rows]
    truth = rows_of(text, r"^true: (\w+)$", "08-softmax-2")[0]
    text = printed_by("04-scores-2", LOOP)
    garment = rows_of(text, r"^picture 0: \[(.*)\]$", "04-scores-2")[0]
    ten = [float(score) for score in garment.split(", ")]

    def preset(label: str, logits: list, note: str) -> dict:
        names = flowers
        if len(logits) != len(flowers):
            names = [f"class {i}" for i in range(len(logits))]
        return {
            "label": label,
            "names": names,
            "logits": logits,
            "note": note,
        }

    return [
        preset(
            "one drawn flower",
            logits,
            "What this chapter's network says about the first test picture. "
            f"In truth it shows {truth}.",
        ),
        preset(
            "all equal",
            [1.0] * 5,
            "Equal scores give equal shares, whatever the score.",
        ),
        preset(
            "one far ahead",
            [0.0, 0.0, 8.0, 0.0, 0.0],
            "A lead of 8 is enough for nearly the whole. Raise the "
            "temperature to take it back.",
        ),
        preset(
            "a thousand",
            [1000.0, 999.0, 998.0, 0.0, -1000.0],
            "Look at the two ways below: the formula as it stands cannot "
            "be computed here.",
        ),
        preset(
            "ten classes",
            ten,
            "An untrained network for ten garments, from chapter 04. It has "
            "learned nothing, and one class still gets most.",
        ),
    ]


def numbers(text: str) -> list[float]:
    return [float(number) for number in text.split()]


def sweep(text: str) -> list[dict]:
    """The runs of the sweep over learning rates, loss by loss."""
    rows = rows_of(
        text, r"^(\d\.?\d*e[+-]\d+): +((?:[\d.e+]+ ?)+)$", "the sweep"
    )
    return [{"name": rate, "values": numbers(losses)} for rate, losses in rows]


def optimizers(text: str, batches: str) -> list[dict]:
    """The runs of two dense layers: each optimizer, then larger batches."""
    runs = rows_of(text, r"^(\w+ [\d.]+) +((?:\d\.\d+ ?)+)$", "04-optim-4")
    more = rows_of(
        batches, r"^(batch +\d+, lr [\d.]+): ((?:\d\.\d+ ?)+)$", "04-batch-4"
    )
    # The first of them is the first of the others, under another name
    if numbers(more[0][1]) != numbers(runs[0][1]):
        raise ValueError("04-batch-4 does not begin with the run of SGD 0.01")
    named = [(f"{name}, batch 128", values) for name, values in runs]
    named += [
        (re.sub(r"batch +(\d+), lr (\S+)", r"SGD \2, batch \1", name), values)
        for name, values in more[1:]
    ]
    return [{"name": n, "values": numbers(v)} for n, v in named]


def curve_sets() -> dict[str, dict]:
    """The curves of chapter 04 that the notebook prints."""
    line = {"value": math.log(10), "name": "log 10: not knowing"}
    found = {}
    # Made as soon as the chapter prints each loss, not only first and last
    if "04-rate-5" in cells_of(LOOP):
        runs = sweep(printed_by("04-rate-5", LOOP))
        found["rates"] = {
            "title": "Loss of each step, by learning rate",
            "runsName": "Learning rate (Adam)",
            "xLabel": "step",
            "yLabel": "loss",
            "x": list(range(1, 1 + len(runs[0]["values"]))),
            "runs": runs,
            "line": line,
            "top": 8,
            "decimals": 2,
        }
    runs = optimizers(
        printed_by("04-optim-4", LOOP), printed_by("04-batch-4", LOOP)
    )
    found["optimizers"] = {
        "title": "Val loss after each epoch of two dense layers",
        "runsName": "Optimizer, learning rate, batch",
        "xLabel": "epoch",
        "yLabel": "val loss",
        "x": list(range(len(runs[0]["values"]))),
        "runs": runs,
        "line": line,
        "top": None,
        "decimals": 2,
    }
    return found


def data() -> dict:
    """All that the explorers read."""
    return {
        "layers": layers(),
        "softmax": softmax_presets(),
        "curves": curve_sets(),
    }


def script(content: dict) -> str:
    """The data as a script: pages from a folder may not load JSON."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    # Lists of numbers and of names on one line each
    text = re.sub(
        r"\[\s*((?:[-\d.e]+|\"[^\"]*\")(?:,\s*(?:[-\d.e]+|\"[^\"]*\"))*)\s*\]",
        lambda match: "[" + re.sub(r",\s+", ", ", match[1]) + "]",
        text,
    )
    return (
        "// Made by tools/explorers.py from the model and the notebooks\n"
        f"window.AlexNetExplorers.data = {text};\n"
    )


# Still pictures


def tag(name: str, content: str = "", **attributes: object) -> str:
    """An element of a drawing; `stroke_width` becomes `stroke-width`."""
    pairs = "".join(
        f" {key.replace('_', '-')}='{value:g}'"
        if isinstance(value, float)
        else f" {key.replace('_', '-')}='{value}'"
        for key, value in attributes.items()
        if value != ""
    )
    return f"<{name}{pairs}>{content}</{name}>"


def words(x: float, y: float, text: str, **attributes: object) -> str:
    return tag("text", escape(text), x=x, y=y, **attributes)


def drawing(width: int, height: int, parts: list[str]) -> str:
    return tag(
        "svg",
        tag("rect", width=width, height=height, fill="#fff") + "".join(parts),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        font_family="sans-serif",
        font_size=14,
        fill="#222832",
    )


def grid(x: int, y: int, count: int, cell: int) -> str:
    """The lines of a square grid, as one path."""
    side = count * cell
    path = "".join(
        f"M{x} {y + i * cell}h{side}M{x + i * cell} {y}v{side}"
        for i in range(count + 1)
    )
    return tag("path", d=path, fill="none", stroke="#7a8797")


def output_size_picture() -> str:
    """A window of 3 on a picture of 7 pixels, and the map that it fills."""
    size, kernel, stride, padding, cell = 7, 3, 2, 1, 24
    line, out = (
        size + 2 * padding,
        output_size(size, kernel, stride, padding),
    )
    row, column = 1, 2
    left, top = 20, 40
    right, below = 340, top + (line - out) * cell
    begin = left + column * stride * cell, top + row * stride * cell
    done = row * out + column + 1
    parts = [
        words(left, 26, f"Input {size} × {size}, padding {padding}"),
        tag("rect", x=left, y=top, width=line * cell, height=line * cell,
            fill="#fff", stroke="#7a8797", stroke_dasharray="4 4"),
        tag("rect", x=left + cell, y=top + cell, width=size * cell,
            height=size * cell, fill="#d5dae0"),
        grid(left + cell, top + cell, size, cell),
        tag("rect", x=begin[0], y=begin[1], width=kernel * cell,
            height=kernel * cell, fill="#0072b2", fill_opacity=".3",
            stroke="#0072b2", stroke_width=3),
        tag("path", d=f"M262 {top + 5 * cell}h52m-10 -7l10 7l-10 7",
            fill="none", stroke="#222832", stroke_width=2),
        words(right, below - 14, f"Output {out} × {out}"),
        *(
            tag("rect", x=right + i % out * cell, y=below + i // out * cell,
                width=cell, height=cell, fill="#a9d0e8")
            for i in range(done)
        ),
        grid(right, below, out, cell),
        tag("rect", x=right + column * cell, y=below + row * cell, width=cell,
            height=cell, fill="none", stroke="#0072b2", stroke_width=3),
        words(left, top + line * cell + 36,
              f"⌊({size} + 2·{padding} − {kernel}) / {stride}⌋ + 1 = {out}",
              font_size=17),
        words(right, top + line * cell + 36,
              f"kernel {kernel}, stride {stride}"),
    ]  # fmt: skip
    return drawing(480, top + line * cell + 56, parts)


def shares_of(logits: list[float]) -> list[float]:
    return torch.tensor(logits, dtype=torch.float64).softmax(0).tolist()


def softmax_picture() -> str:
    """The scores of one drawn flower and the shares they become."""
    preset = softmax_presets()[0]
    logits, shares = preset["logits"], shares_of(preset["logits"])
    middle, unit, begin = 185, 14, 310
    parts = [words(middle - 20, 26, "score"), words(begin, 26, "share")]
    for i, (name, z, p) in enumerate(
        zip(preset["names"], logits, shares, strict=True)
    ):
        y = 44 + 34 * i
        side = dict(text_anchor="end") if z < 0 else {}
        at = middle + unit * z
        parts += [
            words(8, y + 16, name),
            tag("rect", x=round(min(middle, at), 1), y=y,
                width=round(abs(unit * z), 1), height=22, fill=BLUE),
            words(round(at + (-5 if z < 0 else 5), 1), y + 16,
                  f"{z:.2f}".replace("-", "−"), **side, font_size=12),
            tag("rect", x=begin, y=y, width=round(110 * p, 1), height=22,
                fill=GREEN),
            words(round(begin + 110 * p + 6, 1), y + 16, f"{p:.3f}"),
        ]  # fmt: skip
    parts.append(tag("path", d=f"M{middle} 40v172", stroke="#7a8797"))
    return drawing(480, 224, parts)


def curves_picture(name: str) -> str:
    """All curves of a set on a linear axis, with their names."""
    chosen = curve_sets()[name]
    runs, x = chosen["runs"], chosen["x"]
    highest = max(value for run in runs for value in run["values"])
    top = min(chosen["top"] or math.inf, highest)
    left, right, high, low = 44, 466, 36, 236

    def at(place: float, value: float) -> str:
        across = left + (place - x[0]) / (x[-1] - x[0]) * (right - left)
        return f"{across:.1f} {low - value / top * (low - high):.1f}"

    limit = chosen["line"]
    parts = [
        words(8, 20, chosen["yLabel"]),
        words(right, 270, chosen["xLabel"], text_anchor="end"),
    ]
    for tick in range(0, math.floor(top) + 1, 1 if top < 5 else 2):
        y = at(x[0], tick).split()[1]
        parts += [
            tag("path", d=f"M{left} {y}H{right}", stroke="#d1d5da"),
            words(left - 6, float(y) + 5, str(tick), text_anchor="end",
                  font_size=12),
        ]  # fmt: skip
    for place in x[:: 1 if len(x) < 10 else 2]:
        across = at(place, 0).split()[0]
        parts.append(
            words(
                float(across),
                252,
                str(place),
                text_anchor="middle",
                font_size=12,
            )
        )
    y = at(x[0], limit["value"]).split()[1]
    parts.append(
        tag(
            "path",
            d=f"M{left} {y}H{right}",
            stroke="#7a8797",
            stroke_dasharray="6 4",
        )
    )
    # A curve that goes beyond the axis leaves the picture at its upper edge
    inside = tag(
        "rect", x=left, y=high - 4, width=right - left + 4, height=low
    )
    parts.append(tag("clipPath", inside, id="in"))
    colors = [BLUE, ORANGE, GREEN, PURPLE, BROWN, GRAY]
    for i, run in enumerate(runs):
        path = "L".join(
            at(*pair) for pair in zip(x, run["values"], strict=True)
        )
        line = dict(
            fill="none",
            stroke=colors[i],
            stroke_width=2.4,
            stroke_dasharray=DASHES[i],
        )
        legend = 290 + 22 * (i // 2)
        across = left + 220 * (i % 2)
        parts += [
            tag("path", d=f"M{path}", clip_path="url(#in)", **line),
            tag("path", d=f"M{across} {legend}h30", **line),
            words(across + 38, legend + 5, run["name"], font_size=12),
        ]
    return drawing(480, 300 + 22 * ((len(runs) + 1) // 2), parts)


# Cells

STILL = (
    '<span class="x-still"> On the page of the built book the numbers can be '
    "changed; here stands a still picture.</span>"
)


def about(name: str) -> tuple[str, str, str]:
    """A picture, what it shows, and the caption of an explorer."""
    if name == "output-size":
        return (
            output_size_picture(),
            "Left, a grid of 7 by 7 pixels with a dashed border of padding, "
            "on which a window of 3 by 3 stands. Right, the output of 4 by "
            "4, filled as far as the window has come. Below, the formula: "
            "7 + 2 times 1 minus 3, divided by 2, rounded down, plus 1, is 4.",
            "Output-size explorer. Choose a layer or set your own; orange "
            "is what no window looks at. The picture that is shown uses a "
            "kernel of equal weights, which takes the mean of its window.",
        )
    if name == "softmax":
        preset = softmax_presets()[0]
        shares = shares_of(preset["logits"])
        listed = ", ".join(
            f"{name} {z:.2f} gives {p:.3f}"
            for name, z, p in zip(
                preset["names"], preset["logits"], shares, strict=True
            )
        )
        return (
            softmax_picture(),
            f"Bars of five scores and of the shares they become: {listed}.",
            "Softmax explorer. Drag the bars of the scores, change the "
            "temperature, add a number to all scores.",
        )
    if name == "curves-rates":
        return (
            curves_picture("rates"),
            "Curves of the loss over fifteen steps, one for each learning "
            "rate. The smallest rates fall slowly, the middle ones fall "
            "below log 10, the largest leaves the chart at its upper edge.",
            "The runs behind the sweep, step by step. Choose which to see; "
            "the logarithmic axis shows where the largest rate goes.",
        )
    if name == "curves-optimizers":
        return (
            curves_picture("optimizers"),
            "Six curves of val loss over seven epochs. Adam and momentum "
            "fall fast, SGD with rate 0.1 falls fast but jumps, SGD with "
            "0.01 falls slowly, and with batch 1024 hardly at all.",
            "All runs of the two dense layers, of this section and the one "
            "before. Choose which to compare.",
        )
    raise ValueError(f"there is no explorer {name}")


def figure(name: str) -> str:
    """The markdown cell of an explorer: `output-size`, `curves-rates`."""
    picture, alt, caption = about(name)
    kind, _, chosen = name.partition("-") if "curves" in name else (name,) * 3
    data_set = f' data-set="{chosen}"' if kind == "curves" else ""
    address = "data:image/svg+xml," + quote(picture, safe=" ='/:;,()-._")
    return (
        f'<figure class="explorer" data-explorer="{kind}"{data_set} '
        f'id="explorer-{name}">\n'
        f'<img src="{address}" alt="{escape(alt)}">\n'
        f"<figcaption>{caption}{STILL}</figcaption>\n"
        "</figure>"
    )


def embedded(book: NotebookNode) -> Iterator[tuple[NotebookNode, str]]:
    """Each markdown cell of a notebook that is an explorer, and its name."""
    for cell in book.cells:
        match = FIGURE.match(cell.source)
        if cell.cell_type == "markdown" and match:
            yield cell, "-".join(filter(None, match.groups()))


def changes() -> Iterator[tuple[Path, str]]:
    """Each file that is not as it would be made, with its new text."""
    wanted = script(data())
    if not DATA.exists() or DATA.read_text(encoding="utf-8") != wanted:
        yield DATA, wanted
    for path in notebooks():
        text = path.read_text(encoding="utf-8")
        if "data-explorer=" not in text:
            continue
        book = nbformat.reads(text, as_version=4)
        old = [cell.source for cell in book.cells]
        for cell, name in embedded(book):
            cell.source = figure(name)
        if [cell.source for cell in book.cells] != old:
            yield path, nbformat.writes(book) + "\n"


def main() -> int:
    """Write what has changed, or report it."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    found = list(changes())
    for path, text in found:
        if not check:
            path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT), "differs" if check else "written")
    return int(check and bool(found))


if __name__ == "__main__":
    sys.exit(main())
