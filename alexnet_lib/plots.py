"""Figures: one look for all of them, and the functions that draw them."""

import io
import math
import sys

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

# Okabe and Ito's colours, which colour-blind readers can tell apart
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
)
INK, EDGE = "#1f2a37", "#4b5563"
# Lines differ by their dashes too, for whom colours do not tell apart
DASHES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (2, 1))]
HEAVY = 250_000  # bytes of a picture on a page
LEAST_TEXT = 1.65  # points for each inch of width, to be read on a phone
STYLE = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    # Shown at 100 pixels an inch: a column of text is as wide as 6.6 inches
    "figure.dpi": 100,
    "figure.figsize": (6.6, 3.6),
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.titlesize": 12,
    "figure.titlesize": 12,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.edgecolor": EDGE,
    "xtick.color": EDGE,
    "ytick.color": EDGE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.prop_cycle": plt.cycler(
        color=[BLUE, ORANGE, GREEN, RED, PURPLE, SKY], linestyle=DASHES
    ),
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.handlelength": 2.6,  # room for the dashes
}


def use_style() -> None:
    """Give every later figure the book's look.

    A notebook keeps figures with twice the pixels that it shows, so that
    they are sharp on every screen, and notes the size to show them in.
    """
    plt.rcParams.update(STYLE)
    # A notebook has it; a script does not need it
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    if shell:
        # Loaded now: a backend that loads later would set its own format
        plt.switch_backend(plt.get_backend())
        png = shell.display_formatter.formatters["image/png"]
        png.for_type(Figure, sharp_png)


def sharp_png(fig: Figure) -> tuple[bytes, dict[str, int]] | None:
    """A figure with two pixels for one, and how large to show it.

    What would be heavy, as photos are, gets three pixels for two.
    """
    if not fig.axes and not fig.lines:
        return None  # as IPython does, for a figure without content
    buffer = io.BytesIO()
    fig.savefig(buffer, dpi=2 * fig.dpi, bbox_inches="tight", pad_inches=0.05)
    picture = Image.open(buffer).convert("RGB")
    width, height = picture.size
    written = in_few_colors(picture)
    if len(written) > HEAVY:
        smaller = picture.resize((width * 3 // 4, height * 3 // 4))
        written = in_few_colors(smaller)
    return written, {"width": width // 2, "height": height // 2}


def in_few_colors(picture: Image.Image) -> bytes:
    """A picture as PNG with at most 256 colours.

    Charts have no more that one can see, and photos weigh a third.
    """
    colors = picture.quantize(256)
    # Mixed from the colours kept, so that no edges appear in a photo
    small = picture.quantize(256, palette=colors)
    small.putpalette(with_white(small.getpalette()))
    written = io.BytesIO()
    small.save(written, format="PNG", optimize=True)
    return written.getvalue()


def with_white(palette: list[int]) -> list[int]:
    """The colours, three numbers each, those that are nearly white whole."""
    shades = zip(palette[::3], palette[1::3], palette[2::3], strict=True)
    whole = (
        (255, 255, 255) if min(shade) >= 250 else shade for shade in shades
    )
    return [part for shade in whole for part in shade]


def show_images(
    images: Tensor,
    titles: list[str] | None = None,
    columns: int = 4,
    side: float = 1.2,
) -> Figure:
    """A grid of uint8 images, (N, C, H, W), each `side` inches wide."""
    rows = math.ceil(len(images) / columns)
    height = side * (1.25 if titles else 1.05)
    fig, axes = plt.subplots(
        rows,
        columns,
        figsize=(side * columns, height * rows),
        squeeze=False,
    )
    for axis in axes.flat:
        axis.axis("off")
    for i, (image, axis) in enumerate(zip(images, axes.flat, strict=False)):
        axis.imshow(
            image.permute(1, 2, 0).numpy(), cmap="gray", vmin=0, vmax=255
        )
        if titles:
            size = max(10, LEAST_TEXT * side * columns)
            axis.set_title(titles[i], fontsize=size)
    return fig


def plot_history(history: list[dict[str, float]]) -> Figure:
    """Loss and accuracy by epoch, training beside validation."""
    fig, axes = plt.subplots(1, 2, figsize=(6.6, 2.9))
    epochs = [row["epoch"] for row in history]
    for axis, metric in zip(axes, ("loss", "accuracy"), strict=True):
        for part, style in (("train", "s--"), ("val", "o-")):
            values = [row[f"{part}_{metric}"] for row in history]
            axis.plot(epochs, values, style, markersize=4, label=part)
        axis.set_xlabel("epoch")
        axis.set_ylabel(metric)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend()
    return fig


def plot_confusion(counts: Tensor, classes: list[str]) -> Figure:
    """Rows are true classes, columns are predictions, in per cent."""
    share = 100 * counts / counts.sum(dim=1, keepdim=True).clamp(min=1)
    side = 2 + 0.45 * len(classes)
    fig, axis = plt.subplots(figsize=(side, side))
    axis.imshow(share.numpy(), cmap="Blues", vmin=0, vmax=100)
    for i, row in enumerate(share.tolist()):
        for j, value in enumerate(row):
            color = "white" if value > 50 else "black"
            text = f"{value:.0f}"
            axis.text(j, i, text, color=color, ha="center", va="center")
    axis.set_xticks(range(len(classes)), classes, rotation=90)
    axis.set_yticks(range(len(classes)), classes)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    axis.grid(False)
    return fig


def plot_probabilities(
    image: Tensor, probabilities: Tensor, classes: list[str]
) -> Figure:
    """A uint8 image named by its most probable class, beside all of them."""
    height = 1.2 + 0.22 * len(classes)
    fig, (left, right) = plt.subplots(
        1, 2, figsize=(6.6, height), width_ratios=(1, 1.4)
    )
    values = probabilities.tolist()
    best = values.index(max(values))
    left.imshow(image.permute(1, 2, 0).numpy(), cmap="gray", vmin=0, vmax=255)
    left.set_title(f"{classes[best]}: {values[best]:.3f}")
    left.axis("off")
    colors = [BLUE if i == best else SKY for i in range(len(values))]
    bars = right.barh(classes, values, color=colors)
    right.bar_label(bars, fmt="{:.3f}", padding=3)
    right.set(xlabel="probability", xlim=(0, 1.18))
    right.set_xticks([0, 0.25, 0.5, 0.75, 1])
    right.invert_yaxis()
    right.grid(axis="y", visible=False)
    return fig


def plot_calibration(found: dict[str, list[dict[str, float]]]) -> Figure:
    """Accuracy against confidence, one panel per name of a network.

    The rows are those of `inference.calibration`. A bar over a point is two
    standard errors long each way; below, how many images each point holds.
    """
    fig, axes = plt.subplots(
        2,
        len(found),
        figsize=(3.3 * len(found), 4.8),
        height_ratios=(5, 3),
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    for (name, rows), top, below in zip(found.items(), *axes, strict=True):
        x = [row["confidence"] for row in rows]
        y = [row["accuracy"] for row in rows]
        counts = [row["count"] for row in rows]
        error = [
            2 * math.sqrt(a * (1 - a) / n)
            for a, n in zip(y, counts, strict=True)
        ]
        top.plot([0, 1], [0, 1], ":", color="black", lw=1)
        top.errorbar(x, y, error, fmt="o", color=BLUE, ecolor=SKY)
        top.set(title=name, xlim=(0, 1.05), ylim=(-0.05, 1.05))
        bars = below.bar(x, counts, width=0.05, color=SKY)
        below.bar_label(bars, padding=2, rotation=90)
        below.margins(y=0.6)  # room for the counts
        below.set(xlabel="confidence", xticks=[0, 0.5, 1])
    axes[0, 0].set_ylabel("accuracy")
    axes[1, 0].set_ylabel("images")
    return fig
