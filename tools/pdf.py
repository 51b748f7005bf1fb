"""Print the whole book as one PDF.

    python tools/pdf.py                       the book: build/book.pdf
    python tools/pdf.py --page glossary       some pages only
    python tools/pdf.py --html FOLDER --out FILE

It puts the pages that `make book` has built one after another, behind a
title page and the contents, lets Chromium print them, and checks the result:
nothing cut, nothing missing, no empty page, no dead link.
"""

import argparse
import io
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from playwright.sync_api import Page
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    Destination,
    DictionaryObject,
    NameObject,
    TextStringObject,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tools.look import ROOT, browser, chromium, served  # noqa: E402

JOIN = (ROOT / "tools/join_pages.js").read_text(encoding="utf-8")
BLANK = "<!doctype html><html data-theme='light' data-mode='light'>"
LISTED = 2  # ranks of headings in the contents
# The text on A4 between the margins of print.css, in CSS pixels
TEXT_WIDTH = round((210 - 2 * 18) / 25.4 * 96)
# What the paper's edge or a box that scrolls would cut, and dead links
FIND_FAULTS = """(width) => {
  const text = (element) => element.textContent.trim().slice(0, 60);
  const isCut = (element) => {
    const clips = getComputedStyle(element).overflowX !== "visible";
    const { left, right } = element.getBoundingClientRect();
    const end = Math.max(right, left + element.scrollWidth);
    return end > width + 1
      || (clips && element.scrollWidth > element.clientWidth + 1);
  };
  const blocks = "pre, table, p, li, dt, dd, figure, img, svg, figcaption, "
    + "h1, h2, h3, h4, summary, div.math, .cell_output";
  const cut = [...document.querySelectorAll(`main :is(${blocks})`)]
    .filter((element) => element.clientWidth && isCut(element))
    .map((element) => `cut: ${element.closest("article").id}: `
      + `${element.tagName} ${text(element)}`);
  const dead = [...document.querySelectorAll("a[href^='#']")]
    .map((link) => link.getAttribute("href"))
    .filter((target) => !document.getElementById(target.slice(1)))
    .map((target) => `a link to ${target}, which is nowhere`);
  return [...cut, ...dead];
}"""
FILL_CONTENTS = """(pages) => document.querySelectorAll(".listing b")
  .forEach((place, i) => (place.textContent = pages[i]))"""


def parts_of(toc: dict, only: list[str]) -> list[dict]:
    """The parts of the book and their pages: all, or those named."""
    files = {"": [toc["root"]]}
    for part in toc["parts"]:
        files[part["caption"]] = [c["file"] for c in part["chapters"]]
    parts = []
    for caption, names in files.items():
        pages = [
            f"{name}.html"
            for name in names
            if not only or any(part in name for part in only)
        ]
        if pages:
            parts.append({"caption": caption, "pages": pages})
    return parts


@contextmanager
def joined(html: Path, facts: dict) -> Iterator[tuple[Page, list[dict]]]:
    """The browser's page that holds the whole book, and its headings."""
    with served(html) as address, browser() as window:
        page = window.new_page(viewport={"width": TEXT_WIDTH, "height": 900})
        page.route(
            f"{address}/book.html",
            lambda route: route.fulfill(body=BLANK, content_type="text/html"),
        )
        page.goto(f"{address}/book.html")
        page.emulate_media(media="print", color_scheme="light")
        yield page, page.evaluate(JOIN, facts)


def printed(page: Page, final: bool) -> PdfReader:
    """What Chromium makes of the page as it stands, or a quick draft."""
    content = page.pdf(
        prefer_css_page_size=True,
        print_background=final,
        outline=final,
        tagged=final,
    )
    return PdfReader(io.BytesIO(content))


def bookmarks(reader: PdfReader) -> list[Destination]:
    """The bookmarks in order, whatever their rank."""

    def walk(items: list) -> Iterator[Destination]:
        for item in items:
            if isinstance(item, list):
                yield from walk(item)
            else:
                yield item

    return list(walk(reader.outline))


def pages_of_bookmarks(reader: PdfReader) -> list[int]:
    """The page of each bookmark, counted from 1."""
    number = reader.get_destination_page_number
    return [number(mark) + 1 for mark in bookmarks(reader)]


def name_bookmarks(writer: PdfWriter, titles: list[str]) -> None:
    """Write the titles anew: Chromium loses spaces where a line ends."""

    def walk(item: DictionaryObject) -> Iterator[DictionaryObject]:
        while item:
            item = item.get_object()
            yield item
            yield from walk(item.get("/First"))
            item = item.get("/Next")

    items = walk(writer.root_object["/Outlines"].get_object().get("/First"))
    for item, title in zip(items, titles, strict=True):
        item[NameObject("/Title")] = TextStringObject(title)


def faults(reader: PdfReader, headings: list[dict]) -> Iterator[str]:
    """What is wrong with a printed book."""
    titles = [mark.title for mark in bookmarks(reader)]
    if titles != [heading["text"] for heading in headings]:
        yield "the bookmarks are not the book's headings"
    root = reader.trailer["/Root"]
    if not (reader.metadata.title and reader.metadata.author):
        yield "no title or no author"
    if not root.get("/Lang") or "/StructTreeRoot" not in root:
        yield "no language or no tags for screen readers"
    for number, page in enumerate(reader.pages, start=1):
        # What is not a margin's is marked as part of the document
        content = page.get_contents()
        if content is None or b"/MCID" not in content.get_data():
            yield f"page {number} is empty"
        for link in page.get("/Annots", []):
            address = link.get_object().get("/A", {}).get("/URI")
            if address and address.startswith(("http://127.", "file:")):
                yield f"page {number} links to {address}"


def print_book(html: Path, out: Path, facts: dict) -> list[str]:
    """Write the PDF; return what is wrong with it."""
    with joined(html, facts) as (page, headings):
        wrong = page.evaluate(FIND_FAULTS, TEXT_WIDTH)
        # The pages are known once it is printed; the contents then say them
        draft = printed(page, final=False)
        places = draft.named_destinations
        pages = [
            draft.get_destination_page_number(places["/" + heading["id"]]) + 1
            for heading in headings
            if heading["rank"] <= LISTED
        ]
        page.evaluate(FILL_CONTENTS, pages)
        writer = PdfWriter(clone_from=printed(page, final=True))
    name_bookmarks(writer, [heading["text"] for heading in headings])
    writer.add_metadata({"/Title": facts["title"], "/Author": facts["author"]})
    writer.root_object[NameObject("/PageMode")] = NameObject("/UseOutlines")
    out.parent.mkdir(parents=True, exist_ok=True)
    writer.write(out)
    reader = PdfReader(out)
    marked = zip(headings, pages_of_bookmarks(reader), strict=True)
    if pages != [n for heading, n in marked if heading["rank"] <= LISTED]:
        wrong.append("the contents name wrong pages")
    return wrong + list(faults(reader, headings))


def main() -> None:
    """Print the book and say what is wrong with it."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--html", type=Path, default="book/_build/html")
    parser.add_argument("--out", type=Path, default="build/book.pdf")
    parser.add_argument("--page", action="append", default=[])
    arguments = parser.parse_args()
    if chromium() is None:
        sys.exit("No browser: install Chromium, or name one in CHROMIUM.")
    if not (arguments.html / "intro.html").exists():
        sys.exit(f"No pages in {arguments.html}: run `make book` first.")
    # It warns of a number that Chromium counts in another way
    logging.getLogger("pypdf").setLevel(logging.ERROR)
    start = time.monotonic()
    wrong = print_book(arguments.html, arguments.out, facts(arguments.page))
    pages = len(PdfReader(arguments.out).pages)
    seconds = time.monotonic() - start
    print(f"{arguments.out}: {pages} pages in {seconds:.0f} seconds")
    if wrong:
        sys.exit("\n".join(["Something is wrong with it:", *wrong]))


def facts(only: list[str]) -> dict:
    """What the title page and the contents are made from."""
    config = yaml.safe_load((ROOT / "book/_config.yml").read_text("utf-8"))
    toc = yaml.safe_load((ROOT / "book/_toc.yml").read_text("utf-8"))
    return {
        "title": config["title"],
        "author": config["author"],
        "year": config["copyright"],
        "parts": parts_of(toc, only),
        "listed": LISTED,
    }


if __name__ == "__main__":
    main()
