"""Make handouts: copies of the chapters for a class that is to predict.

    python tools/handout.py OUT          all chapters, into the folder OUT
    python tools/handout.py OUT 01 04    those whose names begin so

A handout has no outputs, no solutions and no answers to its questions. The
paragraph below a cell that prints, which says what came out, is folded, and
all of a text cell tagged "tells". It runs from top to bottom and prints what
the chapter prints.
"""

import argparse
import re
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tools.sync_taught import has_tag, notebooks  # noqa: E402

QUESTION = re.compile(
    r'(?s)<details class="question">\s*<summary>(.*?)</summary>.*?</details>'
)
BOX = re.compile(
    r"(?sm)^(`{3,}|:{3,})\{admonition\} (.*?\?)\n:class: dropdown\n.*?^\1$"
)
SOLUTION = re.compile(r"(?s)(`{3,}|:{3,})\{solution-start\}.*")
# Paragraphs that say nothing of what came out: headings, boxes, questions
OPEN = ("#", "<", "```", ":::", "**Predict**")
SUMMARY = "<summary>Read on when the cell above has run</summary>"
FOLDED = f"<details>\n{SUMMARY}\n\n{{}}\n\n</details>"


def without_solutions(cells: list[NotebookNode]) -> list[NotebookNode]:
    """The cells up to the start of a solution, and those after its end."""
    kept, inside = [], False
    for cell in cells:
        starts = SOLUTION.search(cell.source)
        if starts:
            cell.source = cell.source[: starts.start()].rstrip()
        if starts or not inside:
            kept.append(cell)
        inside = bool(starts) or inside and "{solution-end}" not in cell.source
    return kept


def folded(cell: NotebookNode) -> str:
    """A text with its first paragraph, or all of it, behind a summary."""
    if has_tag(cell, "tells"):
        return FOLDED.format(cell.source)
    first, *others = cell.source.split("\n\n")
    if first.startswith(OPEN):
        return cell.source
    return "\n\n".join([FOLDED.format(first), *others])


def handout(book: NotebookNode) -> NotebookNode:
    """The notebook, changed so that a class can predict what it prints."""
    book.cells = without_solutions(book.cells)
    printed = False
    for cell in book.cells:
        if cell.cell_type == "markdown":
            cell.source = folded(cell) if printed else cell.source
            cell.source = QUESTION.sub(r"\1", cell.source)
            cell.source = BOX.sub(r"**\2**", cell.source)
            printed = False
            continue
        printed = bool(cell.outputs)
        cell.outputs, cell.execution_count = [], None
    return book


def main() -> None:
    """Write the handouts that were asked for."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("out", type=Path, help="folder for the handouts")
    parser.add_argument("chapters", nargs="*", help="how names begin: 01 04")
    wanted = parser.parse_args()
    paths = [path for path in notebooks() if path.parent.name == "notebooks"]
    if wanted.out.resolve() in {path.parent for path in paths}:
        parser.error(f"{wanted.out} holds the chapters: name another folder")
    for name in wanted.chapters:
        if not any(path.name.startswith(name) for path in paths):
            parser.error(f"no chapter begins with {name!r}: try 01")
    wanted.out.mkdir(parents=True, exist_ok=True)
    for path in paths:
        if path.name.startswith(tuple(wanted.chapters) or ""):
            book = nbformat.read(path, as_version=4)
            nbformat.write(handout(book), wanted.out / path.name)
            print(wanted.out / path.name)


if __name__ == "__main__":
    main()
