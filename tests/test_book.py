"""The built pages: nothing missing, nothing asked of other hosts.

What only a browser can see is in test_browser.py.
"""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from pybtex.database import parse_file

from tests.conftest import load
from tests.test_posts import pages as made
from tools.look import ROOT, pages_of

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


def test_no_page_shows_markup_that_was_not_read(html: Path):
    """As where a fence of backticks has backticks in its title."""
    raw = (":class: dropdown", "{admonition}", "{numref}", "{cite}")
    assert [
        f"{name}: {mark}"
        for name in pages_of(html)
        for mark in raw
        if mark in (html / name).read_text("utf-8")
    ] == []


def test_only_the_search_loads_its_index(pages: dict[str, Page]):
    assert [
        name
        for name, page in pages.items()
        if any("searchindex" in address for address in page.loads)
    ] == ["search.html"]


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


def test_each_reference_says_where_to_find_it(pages: dict[str, Page]):
    """By a link of its own; the maker gives datasheets no lasting address."""
    entries = parse_file(ROOT / "book/references.bib").entries
    nowhere = set()
    for key, entry in entries.items():
        eprint, doi = entry.fields.get("eprint"), entry.fields.get("doi")
        url = entry.fields.get("url") or entry.fields.get("howpublished", "")
        known = [url.removeprefix("\\url{").removesuffix("}")] if url else []
        known += [f"https://arxiv.org/abs/{eprint}"] if eprint else []
        known += [f"https://doi.org/{doi}"] if doi else []
        if not known or not set(known) <= set(pages["references.html"].links):
            nowhere.add(key)
    assert nowhere == {"nvidiah200", "nvidiat4"}


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
