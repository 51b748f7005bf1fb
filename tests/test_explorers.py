"""The explorers: their arithmetic, their controls, their pictures.

All of them stand on one page that is made here, since a chapter may hold
none of them. The arithmetic of the page is compared with PyTorch's.
"""

import math
import random
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
import torch
from playwright.sync_api import Browser, Locator, Page
from sphinx.errors import ExtensionError
from torch import nn

from alexnet_lib.layers import layer_table, macs
from alexnet_lib.model import alexnet_fashion
from tests.conftest import ROOT, load
from tools import explorers
from tools.look import SCHEMES, WIDTHS, browser, chromium

SCRIPTS = ROOT / "book/_explorers"
NAMES = ["output-size", "softmax", "curves-optimizers"]
if "rates" in explorers.curve_sets():
    NAMES.append("curves-rates")
needs_browser = pytest.mark.skipif(
    chromium() is None, reason="no chromium to try the explorers with"
)
# The colours that the book's theme gives to a page
THEME = """
html {
  --pst-color-text-base: #222832; --pst-color-text-muted: #48566b;
  --pst-color-background: #fff; --pst-color-surface: #f3f4f5;
  --pst-color-border: #d1d5da; color-scheme: light;
}
html[data-theme=dark] {
  --pst-color-text-base: #ced6dd; --pst-color-text-muted: #9ca4af;
  --pst-color-background: #14181e; --pst-color-surface: #29313d;
  --pst-color-border: #48566b; color-scheme: dark;
}
body {
  margin: 0 auto; padding: 16px; max-width: 750px; font: 16px sans-serif;
  background: var(--pst-color-background);
  color: var(--pst-color-text-base);
}
"""


def page_with(names: list[str]) -> str:
    """A page with explorers, as the book would load them."""
    booklocal = load("book/_ext/bookexplorers.py")
    figures = "\n".join(explorers.figure(name) for name in names)
    scripts = "".join(
        f'<script defer src="{SCRIPTS.as_uri()}/{script}"></script>'
        for script in booklocal.scripts_for(figures)
    )
    return (
        '<!doctype html><html lang="en" data-theme="light"><head>'
        '<meta charset="utf-8"><title>Explorers</title>'
        '<meta name="viewport" content="width=device-width">'
        f"<style>{THEME}</style>"
        f'<link rel="stylesheet" href="{SCRIPTS.as_uri()}/explorers.css">'
        f"{scripts}</head><body><main><h1>Explorers</h1>\n{figures}\n"
        "</main></body></html>"
    )


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    """One browser for all tests of this file."""
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with every explorer, opened from a folder."""
    path = tmp_path_factory.mktemp("explorers") / "page.html"
    path.write_text(page_with(NAMES), encoding="utf-8")
    return path


@pytest.fixture
def page(window: Browser, file: Path) -> Iterator[Page]:
    """The page in a tab of its own; it may not complain."""
    context = window.new_context(
        viewport={"width": 1280, "height": 900}, reduced_motion="reduce"
    )
    tab = context.new_page()
    heard = []
    tab.on("console", lambda m: m.type == "error" and heard.append(m.text))
    tab.on("pageerror", lambda error: heard.append(str(error)))
    tab.on("requestfailed", lambda r: heard.append(f"failed: {r.url}"))
    tab.on(
        "request",
        lambda r: r.url.startswith(("file:", "data:")) or heard.append(r.url),
    )
    tab.goto(file.as_uri())
    yield tab
    context.close()
    assert heard == []


def part(page: Page, name: str) -> Locator:
    """One explorer of the page."""
    return page.locator(f"#explorer-{name}")


def state(page: Page) -> dict[str, str]:
    """What the address says, once it has settled."""
    page.wait_for_timeout(350)
    query = page.evaluate("location.search")
    pairs = [pair.split("=") for pair in query.removeprefix("?").split("&")]
    return dict(pair for pair in pairs if len(pair) == 2)


def shown_in(explorer: Locator) -> list[str]:
    """What stands in an explorer, without its line for screen readers."""
    parts = explorer.locator(".x-body > :not([aria-live])")
    return [
        *parts.all_inner_texts(),
        *(field.input_value() for field in explorer.locator("input").all()),
    ]


def computed(page: Page, function: str, cases: list) -> list:
    """What a function of the page makes of each case."""
    return page.evaluate(
        f"cases => cases.map(c => AlexNetExplorers.{function}(...c))", cases
    )


# The arithmetic


def settings(count: int) -> list[dict]:
    """Random settings, of which some are impossible."""
    rng = random.Random(0)
    return [
        {
            "size": rng.choice([rng.randint(1, 12), rng.randint(1, 256)]),
            "kernel": rng.randint(1, 11),
            "stride": rng.randint(1, 5),
            "padding": rng.choice([0, rng.randint(0, 6)]),
            "dilation": rng.choice([1, 1, rng.randint(1, 4)]),
            "channelsIn": rng.randint(1, 9),
            "channelsOut": rng.randint(1, 9),
            "pool": rng.random() < 0.4,
        }
        for _ in range(count)
    ]


def layer_of(setting: dict) -> nn.Module:
    """PyTorch's layer for a setting, without memory."""
    common = {
        "kernel_size": setting["kernel"],
        "stride": setting["stride"],
        "padding": setting["padding"],
        "dilation": setting["dilation"],
    }
    if setting["pool"]:
        return nn.MaxPool2d(**common)
    channels = setting["channelsIn"], setting["channelsOut"]
    return nn.Conv2d(*channels, **common, device="meta")


def by_pytorch(setting: dict) -> tuple[int, int, int]:
    """The side, the parameters and the MACs of a layer; no side is 0."""
    layer, side = layer_of(setting), setting["size"]
    x = torch.zeros(1, setting["channelsIn"], side, side, device="meta")
    parameters = sum(p.numel() for p in layer.parameters())
    try:
        out = layer(x)
    except RuntimeError:
        return 0, parameters, 0
    return out.shape[2], parameters, macs(layer, out)


@needs_browser
def test_sizes_and_costs_are_those_of_pytorch(page: Page):
    cases = settings(300)
    found = computed(page, "outputSize", [[case] for case in cases])
    sides = [size["out"] for size in found]
    costs = computed(page, "cost", list(zip(cases, sides, strict=True)))
    wanted = [by_pytorch(case) for case in cases]
    assert 30 < sum(side == 0 for side, _, _ in wanted) < 150
    for case, side, cost, pytorch in zip(
        cases, sides, costs, wanted, strict=True
    ):
        assert (side, cost["parameters"], cost["macs"]) == pytorch, case


@needs_browser
def test_unseen_pixels_are_those_without_a_gradient(page: Page):
    cases = [c for c in settings(80) if not c["pool"] and c["size"] < 40]
    for case, pixels in zip(
        cases,
        computed(page, "unseen", [[case] for case in cases]),
        strict=True,
    ):
        padded = case["size"] + 2 * case["padding"]
        layer = nn.Conv1d(
            1, 1, case["kernel"], case["stride"], 0, case["dilation"]
        )
        nn.init.ones_(layer.weight)
        line = torch.zeros(1, 1, padded, requires_grad=True)
        try:
            layer(line).sum().backward()
            seen = line.grad[0, 0]
        except RuntimeError:  # no window
            seen = torch.zeros(padded)
        assert pixels == (seen == 0).nonzero().flatten().tolist(), case


@needs_browser
def test_softmax_is_that_of_pytorch(page: Page):
    rng = random.Random(1)
    cases = [
        [
            [rng.uniform(-20, 20) for _ in range(rng.choice([2, 5, 10]))],
            10 ** rng.uniform(-1, 1),
            rng.uniform(-1000, 1000),
        ]
        for _ in range(100)
    ]
    cases += [[[1000.0, 999.0, 998.0, 0.0, -1000.0], 1, 0]]
    cases += [[[-2000.0, -2001.0], 0.1, 0], [[3.0] * 5, 1, 500]]
    shares = computed(page, "softmax", cases)
    for (logits, temperature, shift), found in zip(cases, shares, strict=True):
        scores = torch.tensor(logits, dtype=torch.float64) + shift
        wanted = (scores / temperature).softmax(0)
        found = torch.tensor(found, dtype=torch.float64)
        assert (found - wanted).abs().max() < 1e-12
        entropy = torch.special.entr(found).sum().item()
        spread = computed(page, "entropy", [[found.tolist()]])[0]
        assert math.isclose(spread, entropy, abs_tol=1e-12)


@needs_browser
def test_the_naive_softmax_breaks_where_exp_overflows(page: Page):
    small, large = [1.0, 2.0, 3.0], [1000.0, 999.0, 0.0]
    found = computed(page, "naiveSoftmax", [[small], [large], [[-1e4, -1e4]]])
    assert found[0] == pytest.approx(torch.tensor(small).softmax(0).tolist())
    assert [math.isnan(p) for p in found[1]] == [True, True, False]
    assert all(map(math.isnan, found[2]))


# What they show is the book's


def test_data_and_cells_are_up_to_date():
    differ = [path.name for path, _ in explorers.changes()]
    assert differ == [], "run tools/explorers.py"


def test_presets_are_the_layers_of_the_model():
    with torch.device("meta"):
        model = alexnet_fashion()
    for i, layer in enumerate(model.features):
        if isinstance(layer, nn.ReLU):  # takes seconds to load for "meta"
            model.features[i] = nn.Identity()
    model.classifier = nn.Sequential()
    rows = [
        row
        for row in layer_table(model, (1, 224, 224))
        if row.kind in ("Conv2d", "MaxPool2d")
    ]
    presets = explorers.layers()
    assert [p["label"] for p in presets[:8]] == [
        "conv 1", "pool 1", "conv 2", "pool 2",
        "conv 3", "conv 4", "conv 5", "pool 5",
    ]  # fmt: skip
    for preset, row in zip(presets, rows, strict=False):
        side, parameters, macs = by_pytorch(preset["setting"])
        shape = (preset["setting"]["channelsOut"], side, side)
        assert (shape, parameters, macs) == row[2:], preset["label"]
    sizes = [by_pytorch(preset["setting"])[0] for preset in presets[8:]]
    assert sizes == [54, 55, 55]


def test_scores_and_curves_are_those_the_chapters_print():
    content = explorers.data()
    text = explorers.printed_by("08-softmax-2", explorers.SOFTMAX)
    flower = content["softmax"][0]
    for name, score in zip(flower["names"], flower["logits"], strict=True):
        assert re.search(rf"{name} +{score:.5f}\n", text)
    for name, chosen in content["curves"].items():
        for run in chosen["runs"]:
            assert len(run["values"]) == len(chosen["x"]), (name, run["name"])
    runs = {r["name"]: r for r in content["curves"]["optimizers"]["runs"]}
    assert len(runs) == 6
    text = explorers.printed_by("04-batch-4", explorers.LOOP)
    last = runs["SGD 0.08, batch 1024"]["values"]
    shown = " ".join(f"{value:.2f}" for value in last)
    assert f"batch 1024, lr 0.08: {shown}\n" in text


def test_a_cell_that_changed_its_output_is_noticed():
    with pytest.raises(ValueError, match="no cell 04-gone"):
        explorers.printed_by("04-gone", explorers.LOOP)
    with pytest.raises(ValueError, match="prints no line"):
        explorers.rows_of("nothing of the kind", r"^(\d+)$", "04-x")


def test_a_sweep_is_read_as_it_is_printed():
    text = "1e-05: 7.97 6.5\n1e-01: 7.97 2.121e+08\n"
    assert explorers.sweep(text) == [
        {"name": "1e-05", "values": [7.97, 6.5]},
        {"name": "1e-01", "values": [7.97, 2.121e8]},
    ]


@pytest.mark.parametrize("name", NAMES)
def test_pictures_are_whole_and_described(name: str):
    picture, alt, caption = explorers.about(name)
    ElementTree.fromstring(picture)
    assert len(alt) > 60 and len(caption) > 40
    figure = explorers.figure(name)
    assert "\n\n" not in figure  # an empty line ends the HTML for Markdown
    assert explorers.FIGURE.match(figure)


def test_pages_load_what_they_need_and_no_more():
    extension = load("book/_ext/bookexplorers.py")
    body = explorers.figure("softmax")
    assert extension.scripts_for(body) == [
        "explorers.js", "explorers-data.js", "explorer-softmax.js",
    ]  # fmt: skip
    assert extension.scripts_for("<p>no figure</p>") == []
    added = []
    app = SimpleNamespace(
        add_js_file=lambda name, loading_method: added.append(name),
        add_css_file=added.append,
    )
    extension.load(app, "page", "", {"body": body}, None)
    assert added[-2:] == ["explorer-softmax.js", "explorers.css"]
    extension.load(app, "page", "", {"body": "<p>no figure</p>"}, None)
    assert len(added) == 4
    body = '<figure data-explorer="none">'
    with pytest.raises(ExtensionError, match="explorer-none.js"):
        extension.load(app, "page", "", {"body": body}, None)


# The controls


def fact(explorer: Locator, name: str) -> str:
    """The number that stands under a name."""
    row = explorer.locator(".x-facts > div").filter(has_text=name)
    return row.locator("strong").inner_text()


def put(explorer: Locator, values: dict[str, object]) -> None:
    """Type numbers into fields."""
    for label, value in values.items():
        field = explorer.get_by_role("spinbutton", name=label, exact=True)
        field.fill(str(value))


@needs_browser
def test_settings_typed_in_give_what_pytorch_gives(page: Page):
    explorer = part(page, "output-size")
    for case in settings(5):
        kind = "max pool" if case["pool"] else "convolution"
        explorer.get_by_role("button", name=kind).click()
        put(explorer, {"Channels in": case["channelsIn"]})
        if not case["pool"]:
            put(explorer, {"Channels out": case["channelsOut"]})
        for name in ("kernel", "stride", "padding", "dilation"):
            put(explorer, {name.capitalize(): case[name]})
        put(explorer, {"Input side": case["size"]})
        side, parameters, work = by_pytorch(case)
        shown = explorer.locator(".x-big").inner_text()
        assert shown == f"{case['size']} → {side or 'none'}", case
        if side:
            deep = case["channelsIn" if case["pool"] else "channelsOut"]
            assert fact(explorer, "Output") == f"{deep:,} × {side} × {side}"
            assert fact(explorer, "Parameters") == f"{parameters:,}"
            assert fact(explorer, "MACs") == f"{work:,}"


@needs_browser
def test_presets_show_what_the_chapter_says(page: Page):
    explorer = part(page, "output-size")
    rest = explorer.locator(".x-rest")
    assert explorer.locator(".x-big").inner_text() == "224 → 54"
    assert fact(explorer, "Parameters") == "11,712"
    assert "last 3 pixels: 2 of the picture and 1 of" in rest.inner_text()
    explorer.get_by_role("button", name="227 px, padding 0").click()
    assert explorer.locator(".x-big").inner_text() == "227 → 55"
    assert "fit exactly" in rest.inner_text()
    assert "= 55, so the map is 55" in explorer.inner_text()
    explorer.get_by_role("button", name="pool 5").click()
    assert explorer.locator(".x-big").inner_text() == "12 → 5"
    assert fact(explorer, "Parameters") == "0"


@needs_browser
def test_what_cannot_be_is_said_in_words(page: Page):
    explorer = part(page, "output-size")
    put(explorer, {"Input side": 8, "Padding": 0})
    said = explorer.locator(".x-problem").inner_text()
    assert "No window fits: a kernel of 11 reaches over 11 pixels" in said
    assert not explorer.locator(".x-stage").is_visible()
    put(explorer, {"Kernel": 3, "Padding": 2})
    assert not explorer.locator(".x-problem").is_visible()
    explorer.get_by_role("button", name="max pool").click()
    said = explorer.locator(".x-problem").inner_text()
    assert "PyTorch refuses this pool: its padding, 2" in said
    stride = explorer.get_by_role("spinbutton", name="Stride", exact=True)
    stride.fill("0")
    assert "0: it must be a whole number from 1" in explorer.inner_text()
    assert stride.get_attribute("aria-invalid") == "true"
    stride.blur()
    assert stride.input_value() == "4"  # as before


@needs_browser
def test_softmax_follows_its_controls(page: Page):
    explorer = part(page, "softmax")
    values = explorer.locator(".x-value")
    assert values.all_inner_texts()[2:] == ["0.151", "2.0e−4", "0.847"]
    put(explorer, {"Temperature": 4})  # as the chapter prints
    shown = ["0.067", "0.097", "0.306", "0.059", "0.471"]
    assert values.all_inner_texts() == shown
    put(explorer, {"Add to all": 500})
    assert values.all_inner_texts() == shown
    assert fact(explorer, "Together") == "1.000"
    explorer.get_by_role("button", name="all equal").click()
    assert values.all_inner_texts() == ["0.200"] * 5
    assert fact(explorer, "Entropy") == f"{math.log(5):.3f}"
    explorer.get_by_role("button", name="a thousand").click()
    row = explorer.locator("tbody tr").first.locator("td")
    assert row.all_inner_texts() == [
        "1000.00", "Infinity", "NaN", "1.00", "0.665",
    ]  # fmt: skip
    assert "Infinity divided by Infinity is NaN" in explorer.inner_text()
    put(explorer, {"tulips": "-3"})
    assert explorer.get_by_label("Score of tulips").input_value() == "-3"


@needs_browser
def test_curves_are_chosen_and_read(page: Page):
    explorer = part(page, "curves-optimizers")
    lines = explorer.locator(".x-chart .s-curve")
    assert lines.count() == 6
    run = explorer.get_by_role("button", name="Adam 0.001, batch 128")
    assert run.inner_text().split() == [
        "Adam", "0.001,", "batch", "128", "0.82",
    ]  # fmt: skip
    run.click()
    assert lines.count() == 5
    assert run.get_attribute("aria-pressed") == "false"
    before = lines.first.get_attribute("d")
    explorer.get_by_role("button", name="logarithmic").click()
    assert lines.first.get_attribute("d") != before
    slider = explorer.get_by_role("slider")
    slider.press("Home")
    assert explorer.locator(".x-chip-value").all_inner_texts() == ["2.33"] * 6
    chart = explorer.locator(".x-chart").bounding_box()
    page.mouse.move(
        chart["x"] + 0.46 * chart["width"], chart["y"] + chart["height"] / 2
    )
    assert slider.get_attribute("aria-valuetext") == "epoch 3"
    explorer.locator("summary").click()
    cells = explorer.locator("tbody tr").nth(1).locator("th, td")
    assert cells.all_inner_texts()[:3] == ["1", "2.15", "1.38"]


@needs_browser
def test_a_curve_that_leaves_the_axis_is_cut_there(page: Page):
    explorer = part(page, "curves-optimizers")
    page.evaluate(
        """() => {
          const set = AlexNetExplorers.data.curves.optimizers;
          set.top = 2;
          set.runs[0].values[3] = 1e8;
        }"""
    )
    explorer.get_by_role("button", name="linear").click()
    assert "This axis ends at 2" in explorer.inner_text()
    curve = explorer.locator(".x-chart .s-curve").first
    assert curve.evaluate("e => e.getBBox().height") < 300
    # Above 2 at the start, once more in the middle: two pieces
    assert curve.get_attribute("d").count("M") == 2


# State in the address


@needs_browser
def test_the_address_keeps_each_explorer_to_itself(page: Page):
    size, softmax = part(page, "output-size"), part(page, "softmax")
    curves = part(page, "curves-optimizers")
    put(size, {"Kernel": 5, "Stride": 2})
    size.get_by_role("button", name="max pool").click()
    put(softmax, {"Temperature": 2.5, "roses": "1.5"})
    curves.get_by_role("button", name="Adam").click()
    curves.get_by_role("button", name="logarithmic").click()
    kept = state(page)
    logits = "-2.8286,-1.32895,1.5,-3.36262,4.97538"
    assert kept == {
        "k": "5", "s": "2", "t": "m", "co": "1", "tau": "2.5", "z": logits,
        "optimizers-runs": "0,1,2,4,5", "optimizers-axis": "log",
    }  # fmt: skip
    texts = [shown_in(one) for one in (size, softmax, curves)]
    page.reload()
    assert [shown_in(one) for one in (size, softmax, curves)] == texts
    assert state(page) == kept
    softmax.get_by_role("button", name="Start again").click()
    size.get_by_role("button", name="Start again").click()
    assert state(page) == {
        name: kept[name] for name in ("optimizers-runs", "optimizers-axis")
    }
    assert size.locator(".x-big").inner_text() == "224 → 54"


@needs_browser
def test_a_bad_address_changes_nothing(page: Page):
    address = page.url
    text = shown_in(part(page, "output-size"))
    scores = shown_in(part(page, "softmax"))
    page.goto(f"{address}?k=1e9&s=x&p=-1&n=&z=1,2,x,4,5&tau=0&add=")
    assert shown_in(part(page, "output-size")) == text
    assert shown_in(part(page, "softmax")) == scores


@needs_browser
def test_two_of_a_kind_have_their_own_state(window: Browser, tmp_path: Path):
    path = tmp_path / "two.html"
    path.write_text(page_with(["softmax", "softmax"]), encoding="utf-8")
    page = window.new_page()
    page.goto(f"{path.as_uri()}?tau=2&tau2=3")
    fields = page.get_by_role("spinbutton", name="Temperature")
    assert [field.input_value() for field in fields.all()] == ["2", "3"]
    fields.nth(1).fill("4")
    assert state(page) == {"tau": "2", "tau2": "4"}
    page.close()


@needs_browser
def test_a_link_is_copied_or_shown(page: Page):
    explorer = part(page, "output-size")
    put(explorer, {"Kernel": 5})
    explorer.get_by_role("button", name="Copy link").click()
    page.wait_for_timeout(100)
    copied = explorer.locator(".x-said").inner_text() == "Link copied."
    link = explorer.locator(".x-link")
    assert copied != link.is_visible()
    # The line is put in before it is known whether it must be shown
    assert link.input_value().endswith("?k=5#explorer-output-size")


# Keyboard, screen reader, phone, paper


@needs_browser
def test_the_keyboard_is_enough(page: Page):
    explorer = part(page, "output-size")
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        name, outline = page.evaluate(
            """() => {
              const e = document.activeElement;
              return [
                e.getAttribute("aria-label") || e.textContent
                  || e.labels?.[0]?.textContent,
                getComputedStyle(e).outlineStyle,
              ];
            }"""
        )
        assert outline == "solid", name
        reached.append(name)
        if name == "pool 1":
            page.keyboard.press("Enter")
        if name == "Stride" and reached.count("Stride") == 1:
            page.keyboard.press("ArrowRight")
        if name == "Copy link":
            break
    assert explorer.locator(".x-big").inner_text() == "54 → 18"
    assert {"conv 1", "Kernel", "One window on", "Show all"} <= set(reached)
    stage = explorer.get_by_role("application")
    stage.press("Home")
    assert "Window 1 of 324" in explorer.inner_text()
    stage.press("ArrowDown")
    stage.press("ArrowRight")
    assert "Window 20 of 324: rows 3 to 5" in explorer.inner_text()
    stage.press(" ")
    assert "Window 324 of 324" in explorer.inner_text()
    bar = part(page, "softmax").get_by_label("Score of tulips")
    bar.press("ArrowLeft")
    assert bar.input_value() == "4.875"


@needs_browser
def test_a_screen_reader_is_told_once_when_the_hand_rests(page: Page):
    explorer = part(page, "output-size")
    page.wait_for_timeout(900)
    page.evaluate(
        """() => {
          window.told = [];
          const line = document.querySelector(
            "#explorer-output-size .x-body > [aria-live]");
          new MutationObserver(() => told.push(line.textContent))
            .observe(line, { childList: true });
        }"""
    )
    slider = explorer.get_by_role("slider", name="Kernel")
    for _ in range(8):
        slider.press("ArrowLeft")
    page.wait_for_timeout(900)
    told = page.evaluate("told")
    assert len(told) == 1 and told[0].startswith("224 becomes 56.")


@needs_browser
def test_play_moves_and_pauses(window: Browser, file: Path):
    page = window.new_page()  # without a wish for less motion
    page.goto(file.as_uri())
    explorer = part(page, "output-size")
    place = explorer.locator(".x-place")
    explorer.get_by_role("button", name="First window").click()
    play = explorer.locator(".x-play")
    play.click()
    page.wait_for_timeout(300)
    assert play.inner_text() == "Pause"
    play.click()
    stopped = place.inner_text()
    assert not stopped.startswith("Window 1 of")
    page.wait_for_timeout(150)
    assert place.inner_text() == stopped
    page.close()


@needs_browser
def test_a_phone_needs_no_sideways_scroll_and_no_fine_finger(page: Page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate(
        "document.querySelectorAll('details').forEach((d) => d.open = true)"
    )
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    small = page.evaluate(
        """() => [...document.querySelectorAll(
            ".x-body :is(button, input, summary, [tabindex])")]
          .filter((e) => e.checkVisibility())
          .map((e) => [e.outerHTML.slice(0, 80), e.getBoundingClientRect()])
          .filter(([, box]) => box.width < 24 || box.height < 24)"""
    )
    assert small == []


@needs_browser
@pytest.mark.parametrize("scheme", SCHEMES)
def test_paper_gets_a_still_picture(page: Page, scheme: str):
    page.evaluate(f"document.documentElement.dataset.theme = '{scheme}'")
    page.emulate_media(media="print")
    explorer = part(page, "output-size")
    assert explorer.locator(".x-stage").is_visible()
    assert explorer.locator(".x-strip").is_visible()
    assert not explorer.get_by_role("button", name="Copy link").is_visible()
    assert not explorer.locator(".x-play").is_visible()


@needs_browser
@pytest.mark.parametrize("width", WIDTHS)
def test_without_scripts_a_picture_stands(
    window: Browser, file: Path, width: int
):
    context = window.new_context(
        java_script_enabled=False, viewport={"width": width, "height": 900}
    )
    page = context.new_page()
    page.goto(file.as_uri())
    for name in NAMES:
        image = part(page, name).locator("img")
        assert image.is_visible()
        box = image.bounding_box()  # a broken image has no such shape
        assert box["height"] > 120 and box["width"] <= width
        assert part(page, name).locator(".x-still").is_visible()
    context.close()


@needs_browser
def test_the_picture_stays_where_an_explorer_fails(
    window: Browser, tmp_path: Path
):
    path = tmp_path / "page.html"
    text = page_with(["curves-optimizers"])
    path.write_text(
        text.replace('data-set="optimizers"', 'data-set="gone"'),
        encoding="utf-8",
    )
    page, heard = window.new_page(), []
    page.on("console", lambda m: heard.append(m.text))
    page.goto(path.as_uri())
    assert part(page, "curves-optimizers").locator("img").is_visible()
    assert len(heard) == 1 and 'no curves named "gone"' in heard[0]
    page.close()
