import io
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import nbformat
import pytest
import torch
from IPython.core.formatters import PlainTextFormatter
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

matplotlib.use("Agg")  # no window

from alexnet_lib import plots  # noqa: E402
from tools.notebooks import execute  # noqa: E402


def test_a_picture_is_named_by_its_most_probable_class():
    image = torch.zeros(3, 4, 4, dtype=torch.uint8)
    probabilities = torch.tensor([0.1, 0.7, 0.2])
    fig = plots.plot_probabilities(image, probabilities, ["a", "b", "c"])
    left, right = fig.axes
    assert left.get_title() == "b: 0.700"
    lengths = [bar.get_width() for bar in right.patches]
    assert lengths == probabilities.tolist()
    names = [label.get_text() for label in right.get_yticklabels()]
    assert names == ["a", "b", "c"]


def test_calibration_shows_each_bin_of_each_network():
    rows = [
        {"count": 4, "confidence": 0.55, "accuracy": 0.5},
        {"count": 9, "confidence": 0.95, "accuracy": 1.0},
    ]
    fig = plots.plot_calibration({"one": rows, "other": rows[1:]})
    one, other, counts, _ = fig.axes
    assert [one.get_title(), other.get_title()] == ["one", "other"]
    diagonal, points = (line.get_xydata().tolist() for line in one.lines)
    assert diagonal == [[0, 0], [1, 1]]
    assert points == [[0.55, 0.5], [0.95, 1.0]]
    assert [bar.get_height() for bar in counts.patches] == [4, 9]
    bars = [c for c in one.collections if len(c.get_segments())]
    (low, high), (end, same) = bars[0].get_segments()
    assert (high - low)[1] == 2 * 2 * 0.25  # two standard errors each way
    assert end.tolist() == same.tolist()


HISTORY = [
    {
        "epoch": epoch,
        "train_loss": 2 / epoch,
        "val_loss": 1 / epoch,
        "train_accuracy": 0.2 * epoch,
        "val_accuracy": 0.2 * epoch,
    }
    for epoch in (1, 2, 3)
]
NAMES = [f"class {i}" for i in range(10)]
BINS = [{"count": 123, "confidence": 0.55, "accuracy": 0.5}]
GRAY = torch.zeros(8, 1, 28, 28, dtype=torch.uint8)


def figures() -> dict[str, Figure]:
    """One figure of each function, as large as the book shows it."""
    with matplotlib.rc_context(plots.STYLE):
        return {
            "images": plots.show_images(GRAY, NAMES[:8]),
            "large images": plots.show_images(GRAY, NAMES[:8], side=1.9),
            "history": plots.plot_history(HISTORY),
            "confusion": plots.plot_confusion(torch.eye(10), NAMES),
            "few": plots.plot_confusion(torch.eye(5), NAMES[:5]),
            "probabilities": plots.plot_probabilities(
                GRAY[0], torch.full((10,), 0.1), NAMES
            ),
            "calibration": plots.plot_calibration({"a": BINS, "b": BINS}),
        }


@pytest.fixture(scope="module")
def drawn() -> dict[str, Figure]:
    return figures()


def test_text_can_be_read_on_a_phone(drawn: dict[str, Figure]):
    for name, fig in drawn.items():
        inches = fig.get_size_inches()[0]
        for text in fig.findobj(Text):
            if text.get_text() and text.get_visible():
                told = f"{name}: {text.get_text()!r}"
                assert text.get_fontsize() / inches >= 1.6, told


def test_a_figure_fits_the_page_and_a_screen(drawn: dict[str, Figure]):
    for name, fig in drawn.items():
        width, height = fig.get_size_inches()
        assert width <= 7.7 and height <= 7, name


def test_lines_differ_without_colours():
    with matplotlib.rc_context(plots.STYLE):
        fig, axis = matplotlib.pyplot.subplots()
        lines = [axis.plot([0, 1], [i, i])[0] for i in range(6)]
    assert len({str(line._dash_pattern) for line in lines}) == 6
    assert len({line.get_color() for line in lines}) == 6
    train, val, *_ = plots.plot_history(HISTORY).axes[0].lines
    assert train.get_linestyle() != val.get_linestyle()
    assert train.get_marker() != val.get_marker()


def test_only_a_notebook_keeps_figures_sharp(monkeypatch):
    kept = PlainTextFormatter()
    shell = SimpleNamespace(
        display_formatter=SimpleNamespace(formatters={"image/png": kept})
    )
    ipython = SimpleNamespace(get_ipython=lambda: None)
    monkeypatch.setitem(plots.sys.modules, "IPython", ipython)
    monkeypatch.setattr(plots.plt, "switch_backend", str)
    with matplotlib.rc_context():
        plots.use_style()
        assert Figure not in kept.type_printers
        ipython.get_ipython = lambda: shell
        plots.use_style()
    assert kept.type_printers[Figure] is plots.sharp_png


def test_a_figure_has_two_pixels_for_each_that_is_shown():
    with matplotlib.rc_context(plots.STYLE):
        fig = plots.plot_history(HISTORY)
        data, shown = plots.sharp_png(fig)
    width, height = Image.open(io.BytesIO(data)).size
    assert (shown["width"], shown["height"]) == (width // 2, height // 2)
    assert shown["width"] == pytest.approx(100 * fig.get_size_inches()[0], 0.1)
    shown = Image.open(io.BytesIO(data)).convert("RGB")
    assert shown.getpixel((1, 1)) == (255, 255, 255)
    assert plots.sharp_png(Figure()) is None


def test_a_figure_of_photos_stays_small():
    noise = torch.rand(1, 3, 28, 28, generator=torch.Generator())
    smooth = torch.nn.functional.interpolate(noise, 224, mode="bilinear")
    photos = (255 * smooth).to(torch.uint8).repeat(8, 1, 1, 1)
    with matplotlib.rc_context(plots.STYLE):
        fig = plots.show_images(photos, side=1.65)
        data, _ = plots.sharp_png(fig)
        plain = io.BytesIO()
        fig.savefig(plain, dpi=2 * fig.dpi)
    assert len(Image.open(io.BytesIO(data)).convert("RGB").getcolors()) <= 256
    assert len(data) < 0.6 * len(plain.getvalue())


def test_a_notebook_s_figures_are_sharp(tmp_path: Path):
    """In a real kernel, whose backend has a format of its own."""
    setup = "from alexnet_lib import plots\nplots.use_style()"
    plot = "plots.plt.plot([1, 2])\nplots.plt.show()"
    cells = [nbformat.v4.new_code_cell(source) for source in (setup, plot)]
    book = nbformat.v4.new_notebook(cells=cells)
    execute(book, tmp_path)
    (figure,) = [
        o for o in cells[1].outputs if "image/png" in o.get("data", {})
    ]
    assert figure.metadata["image/png"]["width"] == pytest.approx(660, abs=20)
