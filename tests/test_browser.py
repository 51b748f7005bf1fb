"""The built pages as a reader meets them, in Chromium.

Each page is loaded once and looked at in four forms: 1280 and 390 pixels
wide, light and dark. Its boxes are opened by keyboard before axe reads it.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
import yaml
from playwright.async_api import Browser, Page, Request, async_playwright

from tests.conftest import ROOT
from tools.look import FLAGS, SCHEMES, WIDTHS, chromium, pages_of, served

pytestmark = pytest.mark.skipif(
    chromium() is None, reason="no chromium to look at the pages with"
)
AT_ONCE = 3  # pages: while one waits, others use the processors
MOST_BOXES = 3  # of a kind, opened by keyboard on a page
MOST_BYTES = 1_500_000
MOST_MILLISECONDS = 1000  # until a page paints something
LOADS = 20  # at most: what else the machine does can only delay a page
FORMS = list(itertools.product(WIDTHS, SCHEMES))
# Judged in each form, on one element of each look
OF_COLORS = ["color-contrast", "link-in-text-block"]
# Judged where the width is another
OF_WIDTH = ["scrollable-region-focusable", "target-size"]
# hidden-content only reminds of what axe cannot see
OFF = {rule: {"enabled": False} for rule in [*OF_COLORS, "hidden-content"]}
ON = {rule: {"enabled": True} for rule in OF_WIDTH}
CLIPBOARD = asyncio.Lock()


def script(name: str) -> str:
    return (ROOT / "tests/browser" / name).read_text(encoding="utf-8")


AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
RUN_AXE = """(options) => axe.run(document, {
  ...options, resultTypes: ["violations"], preload: false, iframes: false,
}).then(({ violations }) => violations.flatMap(({ id, impact, nodes }) =>
  nodes.map(({ html, any, all, none }) => `${id} (${impact}): `
    + `${html.slice(0, 120)} ${[...any, ...all, ...none][0].message}`)))"""
# Scripts hear of a new scheme before the next frame is drawn
THEME = """() => new Promise((resolve) => requestAnimationFrame(() =>
  requestAnimationFrame(() =>
    resolve(document.documentElement.dataset.theme))))"""
PAINTED = """() => new Promise((resolve) =>
  new PerformanceObserver((list) => list.getEntries().forEach((entry) =>
    entry.name === "first-contentful-paint" && resolve(entry.startTime))
  ).observe({ type: "paint", buffered: true }))"""


def is_vendored(path: str) -> bool:
    """Whether a file comes with Sphinx, the theme or MathJax."""
    folder, _, name = path.partition("/")
    own = ["_static", "_explorers"]
    return folder == "_static" and not any(
        (ROOT / "book" / place / name).exists() for place in own
    )


def order_of_pages() -> list[str]:
    """The pages of the table of contents, in reading order."""
    toc = yaml.safe_load((ROOT / "book/_toc.yml").read_text("utf-8"))
    chapters = [c["file"] for part in toc["parts"] for c in part["chapters"]]
    return [f"{name}.html" for name in [toc["root"], *chapters]]


def sources(name: str) -> list[str]:
    """The code that the page of a notebook shows."""
    path = (ROOT / "book" / name).with_suffix(".ipynb")
    if not path.exists():
        return []
    hidden = {"remove-cell", "remove-input"}
    return [
        cell.source.strip("\n")
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code"
        and not hidden & set(cell.metadata.get("tags", []))
    ]


@asynccontextmanager
async def opened() -> AsyncIterator[Browser]:
    """A browser without a window."""
    async with async_playwright() as playwright:
        window = await playwright.chromium.launch(
            executable_path=chromium(), args=FLAGS
        )
        yield window
        await window.close()


class Reader:
    """A page in the browser that goes from page to page of the book."""

    def __init__(self, page: Page, html: Path, address: str):
        self.page, self.html, self.address = page, html, address
        self.name = self.form = ""
        self.found: list[str] = []
        self.bytes: dict[str, int] = {}
        page.on("console", lambda m: m.type == "error" and self.say(m.text))
        page.on("pageerror", lambda error: self.say(str(error)))
        page.on("requestfailed", lambda r: self.say(f"failed: {r.url}"))
        page.on("request", self.note)

    def say(self, *complaints: str) -> None:
        self.found += [f"{self.name}: {text}" for text in complaints]

    def note(self, request: Request) -> None:
        """Keep the size of a file of the book; complain of any other."""
        path = unquote(urlsplit(request.url).path).lstrip("/")
        if not request.url.startswith((self.address, "data:")):
            self.say(f"asks for {request.url}")
        elif (self.html / path).is_file() and not is_vendored(path):
            self.bytes[path] = (self.html / path).stat().st_size

    async def go(self, name: str) -> None:
        """Load a page and wait until its formulas are set."""
        self.name, self.bytes = name, {}
        await self.page.emulate_media(color_scheme=SCHEMES[0])
        await self.page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        await self.page.goto(f"{self.address}/{self.name}")
        await self.page.evaluate("() => window.MathJax?.startup?.promise")

    async def set_form(self, width: int, scheme: str) -> None:
        """Make the page narrow or wide, light or dark."""
        self.form = f"{width} {scheme}"
        await self.page.set_viewport_size({"width": width, "height": 900})
        await self.page.emulate_media(color_scheme=scheme)
        theme = await self.page.evaluate(THEME)
        if theme != scheme:
            self.say(f"not {scheme}, but {theme}")
        found = await self.page.evaluate(script("width.js"), width)
        self.say(*found)


def check_weight(reader: Reader) -> None:
    total = sum(reader.bytes.values())
    if total > MOST_BYTES:
        reader.say(f"weighs {total:,} bytes; {MOST_BYTES:,} are allowed")


async def check_skip_link(reader: Reader) -> None:
    """The first Tab and Enter lead past the sidebar."""
    await reader.page.keyboard.press("Tab")
    await reader.page.keyboard.press("Enter")
    await reader.page.keyboard.press("Tab")
    inside = "!!document.activeElement.closest('main, #main-content')"
    if not await reader.page.evaluate(inside):
        reader.say("no skip link")


async def check_neighbors(reader: Reader, order: list[str]) -> None:
    """The pages before and after are one press away."""
    if reader.name not in order:
        return
    place = order.index(reader.name)
    expected = {
        "previous": order[place - 1] if place else None,
        "next": order[place + 1] if place + 1 < len(order) else None,
    }
    for side, css in (("previous", "a.left-prev"), ("next", "a.right-next")):
        links = await reader.page.eval_on_selector_all(
            css, "(links) => links.map((link) => link.href)"
        )
        wanted = expected[side]
        if links != ([f"{reader.address}/{wanted}"] if wanted else []):
            reader.say(f"the {side} page is {wanted}, not {links}")


async def check_copying(reader: Reader) -> None:
    """The code is the notebook's, and the first button copies it."""
    page = reader.page
    shown = await page.eval_on_selector_all(
        ".cell_input pre", "(codes) => codes.map((code) => code.textContent)"
    )
    shown = [code.strip("\n") for code in shown]
    if reader.name.startswith("notebooks/") and shown != sources(reader.name):
        reader.say("its code is not the notebook's")
    buttons = page.locator("main button.copybtn:visible")
    if not await buttons.count():
        return
    code = await buttons.first.evaluate(
        "(button) => button.parentElement.querySelector('pre').textContent"
    )
    async with CLIPBOARD:  # all pages share it
        await page.evaluate("navigator.clipboard.writeText('')")
        await buttons.first.press("Enter")
        copied = await page.evaluate("navigator.clipboard.readText()")
    if copied.strip("\n") != code.strip("\n"):
        reader.say(f"copies {copied[:40]!r} for {code[:40]!r}")


async def open_boxes(reader: Reader) -> None:
    """Open each box with Tab and Enter, or Tab and Space."""
    page, keys = reader.page, itertools.cycle(["Enter", "Space"])
    tabs = await page.evaluate(script("boxes.js"), MOST_BOXES)
    while tabs:
        for _ in range(tabs):
            await page.keyboard.press("Tab")
        await page.keyboard.press(next(keys))
        tabs = await page.evaluate("nextBox()")
    reader.say(*await page.evaluate("stillClosed()"))


async def check_rules(reader: Reader, **options: object) -> None:
    """What axe finds in the page, in its form."""
    # At the top nothing lies below the bar that stays in view
    await reader.page.evaluate("scrollTo(0, 0)")
    found = await reader.page.evaluate(RUN_AXE, options)
    reader.say(*[f"{reader.form}: {complaint}" for complaint in found])


async def check_structure(reader: Reader) -> None:
    """All rules but those of colors once, the others in each form."""
    page = reader.page
    # A tooltip beside the last thing in focus is not the page's
    await page.evaluate("document.activeElement.blur()")
    await page.locator(".tooltip").wait_for(state="detached")
    await page.evaluate(script("flatten.js"))
    for width, scheme in FORMS:
        await reader.set_form(width, scheme)
        if (width, scheme) == FORMS[0]:
            await check_rules(reader, rules=OFF | ON)
        elif scheme == FORMS[0][1]:
            await page.wait_for_timeout(400)  # scripts follow after 300
            await check_rules(reader, runOnly=OF_WIDTH)
    await page.evaluate("unflatten()")


async def check_colors(reader: Reader, looks: set[str]) -> None:
    """The contrast of what looks like nothing before, in each form."""
    new = await reader.page.evaluate(script("thin.js"), list(looks))
    looks.update(new)
    for width, scheme in FORMS if new else []:
        await reader.set_form(width, scheme)
        await check_rules(reader, runOnly=OF_COLORS)


async def look_at(
    reader: Reader, name: str, order: list[str], looks: set[str]
) -> None:
    """All checks of one page, with few changes of its form: each costs."""
    await reader.go(name)
    check_weight(reader)
    await check_skip_link(reader)
    await check_neighbors(reader, order)
    await check_copying(reader)
    reader.say(*await reader.page.evaluate(script("checks.js")))
    await open_boxes(reader)
    await reader.page.evaluate(AXE)
    await check_structure(reader)
    await check_colors(reader, looks)


async def complaints_about(html: Path, order: list[str]) -> list[str]:
    """What a browser finds wrong with the pages."""
    found, looks = [], set()
    heaviest_first = sorted(
        pages_of(html), key=lambda name: -(html / name).stat().st_size
    )
    names = iter(heaviest_first)

    async def work(window: Browser, address: str) -> None:
        context = await window.new_context(
            permissions=["clipboard-read", "clipboard-write"],
            reduced_motion="reduce",  # a color that fades has no contrast yet
        )
        reader = Reader(await context.new_page(), html, address)
        for name in names:
            await look_at(reader, name, order, looks)
        found.extend(reader.found)

    with served(html) as address:
        async with opened() as window:
            workers = [work(window, address) for _ in range(AT_ONCE)]
            await asyncio.gather(*workers)
    return found


def test_pages_are_whole_in_a_browser(html: Path):
    assert asyncio.run(complaints_about(html, order_of_pages())) == []


def paint_times(html: Path, name: str) -> list[float]:
    """Milliseconds until a page paints, in fresh loads until one is quick."""

    async def measure() -> list[float]:
        times = []
        with served(html) as address:
            async with opened() as window:
                while len(times) < LOADS:
                    context = await window.new_context()
                    page = await context.new_page()
                    await page.goto(f"{address}/{name}", wait_until="commit")
                    times.append(await page.evaluate(PAINTED))
                    await context.close()
                    if times[-1] <= MOST_MILLISECONDS:
                        break
        return times

    return asyncio.run(measure())


def test_the_heaviest_page_paints_within_a_second(html: Path):
    name = max(pages_of(html), key=lambda name: (html / name).stat().st_size)
    times = paint_times(html, name)
    assert min(times) <= MOST_MILLISECONDS, times


async def search(base: str, word: str) -> tuple[list[str], list[str]]:
    """The addresses that a search finds, and what went wrong."""
    async with opened() as window:
        page = await window.new_page()
        wrong = []
        page.on(
            "console", lambda m: m.type == "error" and wrong.append(m.text)
        )
        page.on("pageerror", lambda error: wrong.append(str(error)))
        await page.goto(f"{base}/search.html?q={word}")
        summary = page.locator("p.search-summary", has_text="finished")
        await summary.wait_for(timeout=10_000)
        await page.wait_for_load_state("networkidle")
        results = await page.eval_on_selector_all(
            "ul.search li > a", "(links) => links.map((link) => link.href)"
        )
        return results, wrong


@pytest.mark.parametrize("way", ["served", "from the disk"])
def test_search_leads_to_pages_with_the_word(html: Path, way: str):
    with served(html) as address:
        base = address if way == "served" else html.as_uri()
        results, wrong = asyncio.run(search(base, "dropout"))
    assert wrong == []
    assert len(results) > 3
    for address in results:
        name = unquote(urlsplit(address.removeprefix(f"{base}/")).path)
        text = (html / name).read_text("utf-8")
        assert "dropout" in text.partition("<main")[2].lower(), name


async def themes(html: Path, width: int) -> list[str]:
    """What the first page becomes as the switch is found and pressed."""
    is_on_switch = "document.activeElement.matches('.theme-switch-button')"
    seen = []
    with served(html) as address:
        async with opened() as window:
            page = await window.new_page(
                viewport={"width": width, "height": 900}
            )
            await page.goto(f"{address}/{order_of_pages()[0]}")
            for _ in range(60):
                await page.keyboard.press("Tab")
                if await page.evaluate(is_on_switch):
                    break
            for _ in range(3):
                await page.keyboard.press("Enter")
                seen.append(await page.evaluate(THEME))
    return seen


@pytest.mark.parametrize("width", WIDTHS)
def test_the_theme_is_switched_by_keyboard(html: Path, width: int):
    # The third is the system's, which is light here
    assert asyncio.run(themes(html, width)) == ["dark", "light", "light"]


# The checks see what they are for

BAD = r"""<html lang="en" data-theme="light"><title>Bad</title>
<body style="width: 2000px"><a href="#a">a</a> <a href="#b">b</a>
<script>console.error("ouch"); throw Error("oh")</script>
<main><h1>one</h1><h1>two</h1><h4>deep</h4><article>
<p style="background: #fff; color: #ddd">pale</p> <button></button>
<style>.tiny {border: 0; height: 9px; padding: 0; width: 9px}</style>
<div><button class="tiny">a</button><button class="tiny">b</button></div>
<img src="lost.png"> <img src="http://127.0.0.1:9/foreign.png" alt="x">
<img src="heavy.svg" alt="x"> <svg role="img"></svg>
<p>\(x\)</p> <p class="math">y</p> <mjx-merror>z</mjx-merror>
<div class="highlight"><pre id="one">no button</pre></div>
<div class="highlight"><pre id="two">code</pre>
<button class="copybtn" data-clipboard-target="#two" id="wrong">copy</button>
</div>
<p style="overflow: hidden; width: 9em; white-space: nowrap">
what is cut off here, and where is the rest of it?</p>
<details><summary onclick="event.preventDefault()">stuck</summary>x</details>
</article></main>
<script>wrong.onclick = () => navigator.clipboard.writeText("no")</script>
"""
FOUND_IN_BAD = """\
ouch
oh
404
asks for http://127.0.0.1:9/foreign.png
failed: http://127.0.0.1:9/foreign.png
weighs 1,5
no skip link
the next page is other.html, not
its code is not the notebook's
copies 'no' for 'code'
no alt text
a drawing without a name
headings of the first rank: 2
a skipped rank: deep
a formula with an error
a formula that is not set: y
raw TeX: \\(x\\)
no copy button: no button
scrolls sideways at 1280 px
scrolls sideways at 390 px
cut at 390 px: what is cut off here
not dark
a box that no key opens: stuck
1280 light: button-name (critical)
390 light: target-size (serious)
color-contrast (serious)"""


def test_a_bad_page_is_found(tmp_path: Path):
    name = "notebooks/01_architecture.html"
    (tmp_path / "notebooks").mkdir()
    (tmp_path / name).write_text(BAD)
    (tmp_path / "notebooks/heavy.svg").write_text(" " * MOST_BYTES)
    order = [name, "other.html"]
    found = asyncio.run(complaints_about(tmp_path, order))
    missed = [
        part
        for part in FOUND_IN_BAD.splitlines()
        if not any(part in complaint for complaint in found)
    ]
    assert missed == [], "\n".join(found)


def test_a_late_paint_is_measured(tmp_path: Path):
    (tmp_path / "late.html").write_text(
        "<script>const end = performance.now() + 300;"
        "while (performance.now() < end);</script>late"
    )
    assert min(paint_times(tmp_path, "late.html")) >= 300
