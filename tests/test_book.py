"""The built pages: nothing missing, nothing asked of other hosts.

The book is built once, as `make book` builds it, into a temporary folder.
"""

import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Request
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.conftest import ROOT, load
from tests.test_posts import pages as made
from tools.look import (
    SCHEMES,
    WIDTHS,
    browser,
    chromium,
    pages_of,
    served,
    set_scheme,
    visit,
)

# What a page loads by itself, and in which attribute
LOADS = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
    "object": "data",
}
LOADING_LINKS = {"stylesheet", "preload", "icon", "modulepreload"}
# Pages that Sphinx makes; the book's own have one heading of the first rank
MADE = {"genindex.html", "search.html"}


class Page(HTMLParser):
    """What one page links, loads and names."""

    def __init__(self, text: str):
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.no_alt: list[str] = []
        self.headings = 0  # of the first rank, in the text itself
        self.in_text = False
        self.feed(text)

    def handle_starttag(self, tag: str, pairs: list) -> None:
        attributes = {name: value or "" for name, value in pairs}
        self.ids.add(attributes.get("id", ""))
        self.in_text |= tag == "article"
        self.headings += self.in_text and tag == "h1"
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
            self.ids.add(attributes.get("name", ""))
        if tag in LOADS:
            self.loads.append(attributes.get(LOADS[tag], ""))
        kinds = set(attributes.get("rel", "").split())
        if tag == "link" and kinds & LOADING_LINKS:
            self.loads.append(attributes.get("href", ""))
        decorative = attributes.get("aria-hidden") == "true"
        if tag == "img" and not attributes.get("alt") and not decorative:
            self.no_alt.append(attributes.get("src", ""))

    def handle_endtag(self, tag: str) -> None:
        self.in_text &= tag != "article"

    handle_startendtag = handle_starttag


def is_elsewhere(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.netloc or parts.scheme not in ("", "data"))


def broken(html: Path, pages: dict[str, Page]) -> Iterator[str]:
    """Each link or file of a page that leads nowhere."""
    for name, page in pages.items():
        for address in [*page.links, *page.loads]:
            parts = urlsplit(address)
            if not address or parts.scheme or parts.netloc:
                continue
            target = (html / name).parent / unquote(parts.path)
            if not parts.path:
                target = html / name
            key = target.resolve().relative_to(html.resolve()).as_posix()
            if not target.exists():
                yield f"{name}: {address}"
            elif parts.fragment and key in pages:
                if unquote(parts.fragment) not in pages[key].ids:
                    yield f"{name}: {address}"


def read(html: Path) -> dict[str, Page]:
    return {
        name: Page((html / name).read_text(encoding="utf-8"))
        for name in pages_of(html)
    }


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built pages."""
    folder = tmp_path_factory.mktemp("book")
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build"]
    options = ["-W", "-n", "--keep-going", "--all", "--path-output"]
    done = subprocess.run(
        [*command, str(ROOT / "book"), *options, str(folder)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    html = folder / "_build" / "html"
    assert len(pages_of(html)) > 3
    return html


@pytest.fixture(scope="module")
def pages(html: Path) -> dict[str, Page]:
    return read(html)


def test_every_link_and_file_is_there(html: Path, pages: dict[str, Page]):
    assert list(broken(html, pages)) == []


def test_the_api_links_each_entry_to_its_chapter(html: Path):
    entries = (html / "api.html").read_text("utf-8").split("<dt ")
    linked = 0
    for name, page in made.taught().items():
        mark = f'id="alexnet_lib.{name}"'
        for entry in entries:
            if mark in entry:
                assert f'href="{page}.html"' in entry, name
                linked += 1
    assert linked > 40


def test_pages_load_nothing_from_other_hosts(pages: dict[str, Page]):
    assert [
        f"{name}: {address}"
        for name, page in pages.items()
        for address in page.loads
        if is_elsewhere(address)
    ] == []


def test_styles_load_nothing_from_other_hosts(html: Path):
    assert [
        path.name
        for path in html.rglob("*.css")
        if "url(http" in path.read_text("utf-8").replace('"', "")
    ] == []


def test_every_picture_has_alt_text(pages: dict[str, Page]):
    assert {
        name: page.no_alt for name, page in pages.items() if page.no_alt
    } == {}


def test_every_page_has_one_title(pages: dict[str, Page]):
    assert {
        name: page.headings
        for name, page in pages.items()
        if name not in MADE and page.headings != 1
    } == {}


def test_formulas_are_set_by_the_book_s_own_mathjax(html: Path):
    for name in pages_of(html):
        text = (html / name).read_text(encoding="utf-8")
        if 'class="math' in text:
            assert "_static/mathjax/tex-chtml.js" in text, name
        assert "THEBE_JS_URL" not in text, name


needs_browser = pytest.mark.skipif(
    chromium() is None, reason="no chromium to look at the pages with"
)


@needs_browser
@pytest.mark.parametrize("width", WIDTHS)
def test_pages_are_whole_in_a_browser(html: Path, width: int):
    assert complaints_about(html, width) == []


def complaints_about(html: Path, width: int) -> list[str]:
    """What a browser finds wrong with the pages, light and dark."""
    found = []
    with served(html) as address, browser() as window:
        page = window.new_page(viewport={"width": width, "height": 900})

        def note(complaint: str) -> None:
            found.append(f"{page.url.removeprefix(address)}: {complaint}")

        def note_foreign(request: Request) -> None:
            if is_elsewhere(request.url.removeprefix(address)):
                note(f"asks for {request.url}")

        page.on("console", lambda m: m.type == "error" and note(m.text))
        page.on("pageerror", lambda error: note(str(error)))
        page.on("requestfailed", lambda r: note(f"failed: {r.url}"))
        page.on("request", note_foreign)
        for name in pages_of(html):
            visit(page, f"{address}/{name}")
            if page.locator("mjx-merror").count():
                note("a formula with an error")
            for scheme in SCHEMES:
                try:
                    set_scheme(page, scheme)
                except PlaywrightTimeout:
                    note(f"not {scheme}")
                wide = page.evaluate("document.documentElement.scrollWidth")
                if wide > width:
                    note(f"scrolls sideways: {wide} px")
        page.wait_for_load_state("networkidle")
    return found


@pytest.mark.parametrize(
    ("remote", "page"),
    [
        ("git@github.com:acme/book.git", "https://github.com/acme/book"),
        ("ssh://git@github.com/acme/book", "https://github.com/acme/book"),
        ("https://me:secret@git.org/a/book.git", "https://git.org/a/book"),
        ("/srv/book.git", ""),
        ("", ""),
    ],
)
def test_a_remote_becomes_the_address_of_its_page(remote: str, page: str):
    booklocal = load("book/_ext/booklocal.py")
    assert booklocal.web_address(remote) == page


# The checks see what they are for


def test_a_broken_page_is_found(tmp_path: Path):
    (tmp_path / "other.html").write_text("<h1 id='here'>x</h1>")
    (tmp_path / "page.html").write_text(
        "<article><h1>a</h1><h1>b</h1></article><h1>not text</h1>"
        "<a href='other.html#here'>x</a><a href='other.html#lost'>x</a>"
        "<a href='gone.html'>x</a><a href='https://a.b/c'>x</a>"
        "<img src='lost.png'><img src='lost.png' alt='text'>"
        "<script src='https://a.b/c.js'></script>"
        "<link rel='stylesheet' href='//a.b/c.css'>"
    )
    pages = read(tmp_path)
    page = pages["page.html"]
    assert list(broken(tmp_path, pages)) == [
        "page.html: other.html#lost",
        "page.html: gone.html",
        "page.html: lost.png",
        "page.html: lost.png",
    ]
    assert list(filter(is_elsewhere, page.loads)) == [
        "https://a.b/c.js",
        "//a.b/c.css",
    ]
    assert page.no_alt == ["lost.png"]
    assert page.headings == 2


@needs_browser
def test_a_bad_page_is_found_in_a_browser(tmp_path: Path):
    (tmp_path / "page.html").write_text(
        "<html data-theme='light'><body style='width: 2000px'>"
        "<script>console.error('ouch'); throw Error('oh')</script>"
        "<img src='lost.png'><img src='http://127.0.0.1:9/foreign.png'>"
    )
    found = "\n".join(complaints_about(tmp_path, 390))
    for part in ("ouch", "oh", "404", "foreign", "sideways", "not dark"):
        assert part in found
