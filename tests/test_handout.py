"""Handouts for a class: nothing in them tells, and they still run."""

import copy
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from tests.conftest import ROOT, load
from tools.handout import handout
from tools.notebooks import execute, text_of
from tools.sync_taught import has_tag, notebooks

teachers = load("book/_ext/bookteachers.py")
CHAPTERS = [path for path in notebooks() if path.parent.name == "notebooks"]
every_chapter = pytest.mark.parametrize(
    "path", CHAPTERS, ids=lambda path: path.stem
)


@cache
def book(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def handed_out(path: Path) -> NotebookNode:
    return handout(copy.deepcopy(book(path)))


def text(cells: list[NotebookNode]) -> str:
    return "\n\n".join(cell.source for cell in cells)


@every_chapter
def test_a_handout_tells_no_answer(path: Path):
    cells = handed_out(path).cells
    assert not any(cell.get("outputs") for cell in cells)
    assert not any(has_tag(cell, "solution") for cell in cells)
    assert "{solution-start}" not in text(cells)
    assert '<details class="question">' not in text(cells)
    before, after = (
        [cell for cell in cells if has_tag(cell, "starter")]
        for cells in (book(path).cells, cells)
    )
    assert text(before) == text(after)
    for cell in cells:
        if has_tag(cell, "check"):
            assert cell.metadata.jupyter.source_hidden


def borrowed(book: NotebookNode, kept: list[NotebookNode]) -> list[str]:
    """Names that a kept cell takes from one that was left out."""
    ids, maker, found = {cell.id for cell in kept}, {}, []
    for cell in book.cells:
        if cell.cell_type == "code":
            taken, made = teachers.names_in(cell.source)
            if cell.id in ids:
                found += [n for n in taken if maker.get(n, cell.id) not in ids]
            maker |= dict.fromkeys(made, cell.id)
    return found


@every_chapter
def test_no_cell_needs_what_was_left_out(path: Path):
    assert borrowed(book(path), handed_out(path).cells) == []


def small_chapter() -> NotebookNode:
    """One of each thing that a handout changes."""

    def code(source: str, said: str = "", *tags: str) -> NotebookNode:
        outputs = [new_output("stream", name="stdout", text=said)] * bool(said)
        return new_code_cell(
            source, outputs=outputs, metadata={"tags": list(tags)}
        )

    cells = [
        new_markdown_cell("# Sums\n\nWe need this.\n\nIs it three?"),
        code("a = 1 + 2\nprint(a)", "3\n"),
        new_markdown_cell("It is three.\n\nNow the next."),
        code("b = 2 * a"),
        new_markdown_cell("This introduces."),
        code("print(b)", "6\n"),
        new_markdown_cell("**Predict** what comes.\n\nFour?"),
        code("print(a + 1)", "4\n"),
        new_markdown_cell(
            "Four,\n\ntold twice.", metadata={"tags": ["tells"]}
        ),
        new_markdown_cell("Another cell of text."),
        new_markdown_cell(
            ":::{admonition} Why not?\n:class: dropdown\nBecause.\n:::\n\n"
            '<details class="question">\n<summary>1. Who?</summary>\n\n'
            "Nobody.\n\n</details>"
        ),
        new_markdown_cell("```{exercise-start} A · easy\n:label: x\n```"),
        code("def check_it(n):\n    print(n == 7)", "", "check"),
        code("check_it(...)", "Hint: add.\n", "starter"),
        new_markdown_cell(
            "```{exercise-end}\n```\n\n```{solution-start} x\n```\nSeven."
        ),
        code("b = 7\ncheck_it(7)", "Correct\n", "solution"),
        new_markdown_cell("```{solution-end}\n```"),
        new_markdown_cell("## After\n\nTwo more."),
        code("print(a + 2)", "5\n"),
    ]
    return nbformat.v4.new_notebook(cells=cells)


def test_each_thing_is_left_out_or_folded():
    made = handout(small_chapter())
    shown = text(made.cells)
    unfolded = re.sub(r"(?s)<details>.*?</details>", "", shown)
    for told in ("Because", "Nobody", "Seven", "b = 7", "solution"):
        assert told not in shown
    for folded in ("It is three", "Four,", "told twice"):
        assert folded in shown and folded not in unfolded
    for kept in (
        *("We need this", "Is it three", "Now the next", "This introduces"),
        *("**Predict** what", "**Why not?**", "1. Who?", "{exercise-end}"),
        *("check_it(...)", "## After", "Two more", "print(a + 2)"),
        "Another cell of text",
    ):
        assert kept in unfolded


def test_a_cell_that_needs_a_solution_is_found():
    chapter = small_chapter()
    chapter.cells[-1].source = "print(b)"
    kept = handout(copy.deepcopy(chapter)).cells
    assert borrowed(chapter, kept) == ["b"]


def test_a_handout_prints_what_the_chapter_prints(tmp_path: Path):
    path = ROOT / "book/notebooks/python_you_need.ipynb"
    made = handed_out(path)
    execute(made, tmp_path, PYTHONPATH=str(ROOT))
    said = {cell.id: text_of(cell) for cell in made.cells}
    kept = [cell for cell in book(path).cells if cell.id in said]
    assert {cell.id: text_of(cell) for cell in kept} == said


def tool(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, ROOT / "tools/handout.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_tool_writes_those_that_were_asked_for(tmp_path: Path):
    out = tmp_path / "new" / "folder"
    assert tool(out, "01", "04").returncode == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == ["01_architecture.ipynb", "04_training_loop.ipynb"]
    assert "no chapter begins with '77'" in tool(out, "77").stderr
    assert "OUT 01 04" in tool("--help").stdout


def test_the_tool_does_not_write_over_the_chapters():
    done = tool(ROOT / "book/notebooks/../notebooks")
    assert done.returncode == 2 and "name another folder" in done.stderr
