"""The way from the two posts: no row lost, no link dead, no name missing."""

import copy
import re
from collections.abc import Iterator
from functools import cache

import nbformat
import pytest

from tests.conftest import ROOT, load
from tools.notebooks import text_of
from tools.prose_numbers import common_knowledge, printed, unproved
from tools.sync_taught import notebooks

HEADING = re.compile(r"(?m)^(#{1,6}) (.+?)\s*$")
ROWS = [f"P1-{n:02}" for n in range(1, 40)]
ROWS += [f"P2-{n:02}" for n in range(1, 106)]
CLAIMS = [f"B1-{n}" for n in range(1, 20)]
CLAIMS += [f"B2-{n}" for n in range(1, 34)]


pages = load("book/_ext/bookpages.py")


def without_fences(text: str) -> str:
    """Markdown without code blocks, whose comments look like headings."""
    return re.sub(r"(?ms)^(`{3,}|~{3,}).*?^\1", "", text)


@cache
def sections(chapter: str) -> dict[str, str]:
    """The code of each section, with that of the sections inside it."""
    path = ROOT / "book" / "notebooks" / f"{chapter}.ipynb"
    if not path.is_file():
        return {}
    code, opened = {}, []  # opened: the headings that are not over yet
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            for _, title in opened:
                code[title] += cell.source + "\n"
            continue
        for marks, title in HEADING.findall(without_fences(cell.source)):
            opened = [(n, t) for n, t in opened if n < len(marks)]
            opened.append((len(marks), title))
            code.setdefault(title, "")
    return code


def faults(content: dict) -> Iterator[str]:
    """What is missing, and which links and names lead nowhere."""
    for name in ROWS:
        if not content["rows"].get(name, {}).get("places"):
            yield f"{name}: no place in the book"
    for name in CLAIMS:
        if "section" not in content["claims"].get(name, {}):
            yield f"{name}: no answer in the book"
    known = {path.stem: sections(path.stem) for path in notebooks()}
    for name, row in content["rows"].items():
        for place in row["places"]:
            code = known.get(place["chapter"], {}).get(place["section"])
            if code is None:
                yield f"{name}: no section {place['section']!r}"
            elif place["token"] not in code:
                yield f"{name}: no {place['token']!r} in its code"
    for name, claim in content["claims"].items():
        if "section" in claim:
            if claim["section"] not in known.get(claim["chapter"], {}):
                yield f"{name}: no section {claim['section']!r}"


def test_every_row_has_a_section_with_its_name_in_code():
    assert list(faults(pages.posts())) == []


def test_the_page_shows_every_row_and_every_claim():
    lines = "\n".join(pages.posts_page())
    for name in ROWS + CLAIMS:
        assert f"| {name} | " in lines


def test_numbers_in_claims_are_proved():
    known = common_knowledge()
    for path in notebooks():
        for cell in nbformat.read(path, as_version=4).cells:
            known |= printed(text_of(cell))
    text = "\n".join(pages.posts_page())
    assert unproved(text, known) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda c: c["rows"].pop("P2-77"), "P2-77: no place"),
        (lambda c: c["claims"].pop("B2-5"), "B2-5: no answer"),
        (lambda c: c["claims"]["B1-4"].pop("section"), "B1-4: no answer"),
        (
            lambda c: c["rows"]["P1-13"]["places"][0].update(section="Gone"),
            "P1-13: no section 'Gone'",
        ),
        (
            lambda c: c["rows"]["P1-13"]["places"][0].update(chapter="99_x"),
            "P1-13: no section",
        ),
        (
            lambda c: c["rows"]["P1-13"]["places"][0].update(token="nn.Gone"),
            "P1-13: no 'nn.Gone'",
        ),
        (
            lambda c: c["claims"]["B1-1"].update(
                chapter="01_architecture", section="Gone"
            ),
            "B1-1: no section 'Gone'",
        ),
    ],
)
def test_a_lost_row_and_a_dead_link_are_found(change, complaint):
    content = copy.deepcopy(pages.posts())
    change(content)
    assert any(fault.startswith(complaint) for fault in faults(content))


def test_an_address_is_that_of_the_heading():
    title = "`drop_last`, and what a short batch does to a mean"
    assert pages.anchor(title) == (
        "drop_last-and-what-a-short-batch-does-to-a-mean"
    )
