"""The book on paper: some of its pages, and faults that must be seen.

The whole book is checked in the same way whenever `make pdf` prints it.
"""

import io
import unicodedata
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter

from tests.test_browser import order_of_pages, sources
from tools import pdf
from tools.look import browser, chromium, served, visit
from tools.pdf import bookmarks, facts, faults, parts_of, print_book

pytestmark = pytest.mark.skipif(
    chromium() is None, reason="no chromium to print with"
)
CHAPTER = "notebooks/python_you_need.html"
PAGES = ["python_you_need", "glossary"]


def squeezed(text: str) -> str:
    """The text without spaces, and without letters drawn as one."""
    return "".join(unicodedata.normalize("NFKC", text).split())


@pytest.fixture(scope="module")
def printed(html: Path, tmp_path_factory: pytest.TempPathFactory) -> PdfReader:
    """Two pages of the book as a PDF."""
    out = tmp_path_factory.mktemp("pdf") / "book.pdf"
    assert print_book(html, out, facts(PAGES)) == []
    return PdfReader(out)


def missing_code(reader: PdfReader) -> list[str]:
    """The lines of the chapter's code, solutions too, that are not there."""
    text = squeezed("".join(page.extract_text() for page in reader.pages))
    lines = "\n".join(sources(CHAPTER)).splitlines()
    assert len(lines) > 100
    return [line for line in lines if squeezed(line) not in text]


def test_all_code_is_on_the_paper(printed: PdfReader):
    assert missing_code(printed) == []


def test_a_page_printed_by_itself_is_light_and_open(html: Path):
    """As a reader prints it from the browser, in the dark."""
    with served(html) as address, browser() as window:
        page = window.new_page(color_scheme="dark")
        visit(page, f"{address}/{CHAPTER}")
        page.evaluate(
            "window.addEventListener('beforeprint', () => "
            "(window.theme = document.documentElement.dataset.theme))"
        )
        reader = PdfReader(io.BytesIO(page.pdf()))
        assert page.evaluate("window.theme") == "light"
        assert page.locator("html[data-theme=dark]").count() == 1
        assert page.locator("details[open]").count() == 0
    assert missing_code(reader) == []


def test_the_contents_name_the_pages(printed: PdfReader):
    number = printed.get_destination_page_number
    text = squeezed(printed.pages[1].extract_text())
    for mark in bookmarks(printed)[:5]:
        assert f"{squeezed(mark.title)}{number(mark) + 1}" in text


def test_the_pdf_says_what_it_is(printed: PdfReader):
    about = facts([])
    assert printed.metadata.title == about["title"]
    assert printed.metadata.author == about["author"]
    assert printed.trailer["/Root"]["/Lang"] == "en"
    assert about["title"] in printed.pages[0].extract_text()


def test_the_book_is_printed_in_order():
    parts = facts([])["parts"]
    assert [page for part in parts for page in part["pages"]] == (
        order_of_pages()
    )


# The checks see what they are for

BAD = """<html lang="en"><article><h1>Bad</h1>
<style>pre {{white-space: pre}} .box {{overflow: auto; width: 9em}}</style>
<pre>{wide}</pre> <pre class="box">a bit {wide}</pre>
<a href="#nowhere">nowhere</a> <a href="http://127.0.0.1:9/">local</a>
</article></html>"""


def test_a_bad_print_is_found(tmp_path: Path):
    (tmp_path / "bad.html").write_text(BAD.format(wide="x" * 200))
    about = facts([]) | {"parts": parts_of({"root": "bad", "parts": []}, [])}
    found = print_book(tmp_path, tmp_path / "bad.pdf", about)
    assert found == [
        "cut: bad: PRE " + "x" * 60,
        "cut: bad: PRE a bit " + "x" * 54,
        "a link to #bad--nowhere, which is nowhere",
        "page 2 links to http://127.0.0.1:9/",
    ]


def test_contents_that_name_wrong_pages_are_found(
    html: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """As when they grow by a page while their numbers are filled in."""
    more = "<p style='break-before: page'>more</p>"
    fill = "() => document.querySelector('.listing').insertAdjacentHTML"
    monkeypatch.setattr(pdf, "FILL_CONTENTS", f'{fill}("beforeend", "{more}")')
    found = print_book(html, tmp_path / "book.pdf", facts(["errata"]))
    assert found == ["the contents name wrong pages"]


def test_an_empty_page_is_found(tmp_path: Path):
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    writer.add_outline_item(title="Bad", page_number=0)
    writer.add_metadata({"/Title": "x"})
    writer.write(tmp_path / "empty.pdf")
    headings = [{"text": "Good", "rank": 1, "id": "good"}]
    assert list(faults(PdfReader(tmp_path / "empty.pdf"), headings)) == [
        "the bookmarks are not the book's headings",
        "no title or no author",
        "no language or no tags for screen readers",
        "page 1 is empty",
    ]
