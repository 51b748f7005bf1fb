"""Errors that readers meet: each box has the message that Python prints."""

import html
import re
import tomllib
import warnings
from pathlib import Path

import nbformat
import pytest

from tests.conftest import ROOT
from tools.notebooks import is_chapter, text_in
from tools.sync_taught import notebooks

CHAPTERS = [path for path in notebooks() if is_chapter(path)]
SUMMARY = re.compile(
    r'<details class="common-error">\s*<summary>[^<]*'
    r"<code>(.*?)</code>\s*</summary>",
    re.DOTALL,
)


def entries(path: Path) -> list[dict]:
    """The errors of one chapter, each with the code that provokes it."""
    errors = ROOT / "book" / "errors" / f"{path.stem}.toml"
    return tomllib.loads(errors.read_text(encoding="utf-8"))["error"]


def provoked(code: str) -> str:
    """What Python prints last when the code stops, or warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            exec(compile(code, "provoked", "exec"), {"__name__": "provoked"})
        except Exception as error:
            first = str(error).partition("\n")[0]
            return f"{type(error).__name__}: {first}"
    return "nothing"


EACH = [
    pytest.param(error, id=f"{path.stem[:2]}-{number}")
    for path in CHAPTERS
    for number, error in enumerate(entries(path), start=1)
]


@pytest.mark.parametrize("error", EACH)
def test_the_code_raises_the_message(error: dict):
    assert provoked(error["code"]) == error["message"]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_each_box_is_provoked(path: Path):
    text = text_in(nbformat.read(path, as_version=4))
    shown = [html.unescape(found) for found in SUMMARY.findall(text)]
    wanted = [error["message"] for error in entries(path)]
    assert sorted(shown) == sorted(wanted)


def test_other_code_says_something_else():
    assert provoked("1 + 1") == "nothing"
    assert provoked("1 / 0") == "ZeroDivisionError: division by zero"
    code = "import warnings\nwarnings.warn('old', UserWarning)"
    assert provoked(code) == "UserWarning: old"
