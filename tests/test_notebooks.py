"""How the notebooks are made: executed, clean, described, proved.

What they print is compared by nbval, cell by cell.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from tests import conftest
from tests.conftest import ROOT, every_notebook
from tools.notebooks import (
    BOXES,
    check_metadata,
    clean,
    faults,
    is_exempt,
    missing_files,
    text_of,
)
from tools.prose_numbers import (
    claimed,
    common_knowledge,
    printed,
    unproved,
    unproved_in,
)
from tools.sync_taught import notebooks

PAGES = sorted((ROOT / "book").glob("*.md"))
every_page = pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


@every_notebook
def test_a_notebook_is_made_as_agreed(path: Path):
    assert faults(path) == []


@every_notebook
def test_numbers_in_prose_are_proved(path: Path):
    assert unproved_in(read(path), common_knowledge()) == []


@every_page
def test_numbers_on_a_page_are_proved(path: Path):
    text = path.read_text(encoding="utf-8")
    assert unproved(text, common_knowledge()) == []


@every_page
def test_files_named_on_a_page_are_there(path: Path):
    text = path.read_text(encoding="utf-8")
    assert missing_files(text, path.parent) == []


@pytest.mark.skipif(
    not (ROOT / "book/facts.toml").exists(), reason="no book/facts.toml"
)
def test_each_fact_has_a_value_and_a_source():
    facts = tomllib.loads((ROOT / "book/facts.toml").read_text("utf-8"))
    assert {
        name
        for name, fact in facts.items()
        if not ("value" in fact and len(fact.get("source", "")) > 10)
    } == set()


def test_few_cells_are_exempt_from_comparison():
    cells = [cell for path in notebooks() for cell in read(path).cells]
    with_output = [cell for cell in cells if cell.get("outputs")]
    exempt = [cell for cell in with_output if is_exempt(cell)]
    assert len(exempt) <= 0.05 * len(with_output)


def test_few_patterns_are_sanitised():
    text = (ROOT / "tests/nbval_sanitize.cfg").read_text(encoding="utf-8")
    assert 0 < text.count("regex:") <= 4


def a_run(folder: Path, **environment: str) -> subprocess.CompletedProcess:
    """What `pytest --nbval` says of one notebook that prints a number."""
    cells = [new_code_cell("print(3)", execution_count=1)]
    cells[0].outputs = [new_output("stream", name="stdout", text="3\n")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "a.ipynb")
    shutil.copy(ROOT / "tests/nbval_sanitize.cfg", folder)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env"]
        + ["-p", "tests.conftest", "-n", "2", "--dist", "loadfile", folder],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
    )


def test_a_notebook_that_others_slowed_down_is_timed_again(
    monkeypatch: pytest.MonkeyPatch,
):
    slow, quick = Path("slow.ipynb"), Path("quick.ipynb")
    session = SimpleNamespace(
        config=SimpleNamespace(rootpath=Path()), exitstatus=0
    )
    again = {slow: 95.0, quick: 45.0}
    monkeypatch.setattr(conftest, "seconds_alone", again.get)
    watch = conftest.Stopwatch()
    watch.seconds = Counter({slow: 100.0, quick: 100.0})
    watch.pytest_sessionfinish(session)
    assert watch.seconds == Counter({slow: 95.0, quick: 45.0})
    assert [line[:10] for line in watch.complaints()] == ["slow took "]
    assert session.exitstatus == pytest.ExitCode.TESTS_FAILED


def test_a_run_fails_where_it_takes_too_much(tmp_path: Path):
    done = a_run(
        tmp_path, ALEXNET_NOTEBOOK_SECONDS="0.01", ALEXNET_TEST_MEMORY="1e6"
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert "FAILED: a took " in done.stdout
    assert "FAILED: a process took " in done.stdout
    assert done.returncode == 1


# The checks see what they are for


def good_chapter() -> nbformat.NotebookNode:
    """The smallest chapter without a fault."""

    def code(source: str, *outputs: dict, **metadata: object):
        return new_code_cell(source, outputs=list(outputs), metadata=metadata)

    def says(text: str) -> dict:
        return new_output("stream", name="stdout", text=text)

    figure = new_output("display_data", {"image/png": "", "text/plain": "<>"})
    described = {
        "image": {"alt": "A line that rises from left to right."},
        "figure": {"caption": "A line."},
    }
    text = new_markdown_cell
    cells = [
        text(
            "**What you will build.** A line.\n\n"
            "**What you will be able to do.** Draw.\n\n"
            "**What you need to know.** Nothing.\n\n"
            "**Time and memory.** Not measured yet.",
            metadata={"tags": ["opening"]},
        ),
        code("images = 2", tags=["parameters"]),
        code("plot()", says("2 lines\n"), figure, mystnb=described),
    ]
    for name in "abc":
        cells += [
            text(f"```{{exercise-start}} {name} · easy\n:label: {name}\n```"),
            code("check_it(...)", says("Hint: add."), tags=["starter"]),
            text(f"```{{exercise-end}}\n```\n```{{solution-start}} {name}"),
            code("check_it(3)", says("Correct: 3"), tags=["solution"]),
        ]
    boxes = [kind for kind, least in BOXES.items() for _ in range(least)]
    boxes = [f'<details class="{kind}">\n\n</details>' for kind in boxes]
    closing = "\n\n".join([*boxes, "What you saw. What next."])
    cells += [text(closing, metadata={"tags": ["closing"]})]
    code_cells = [cell for cell in cells if cell.cell_type == "code"]
    for number, cell in enumerate(code_cells, start=1):
        cell.execution_count = number
    return nbformat.v4.new_notebook(cells=cells)


def never_run(book):
    book.cells[1].execution_count = None


def run_out_of_order(book):
    book.cells[1].execution_count = 7


def failed(book):
    book.cells[1].outputs = [new_output("error", ename="E", evalue="e")]


def timed(book):
    book.cells[1].metadata["execution"] = {"started": "now"}


def with_widgets(book):
    book.metadata["widgets"] = {}


def with_frames(book):
    book.cells[2].outputs[0].text = "1 %\r2 %"


def in_pieces(book):
    book.cells[2].outputs.insert(0, book.cells[2].outputs[0])


def with_metadata(book):
    book.cells[2].outputs[1].metadata = {"isolated": True}


def exempt_by_tag(book):
    book.cells[2].metadata["tags"] = ["nbval-ignore-output"]


def exempt_by_comment(book):
    book.cells[2].source = "# NBVAL_SKIP"


def without_alt(book):
    del book.cells[2].metadata["mystnb"]["image"]


def with_a_hash_as_alt(book):
    alt = "picture of 0123456789abcdef0123456789abcdef"
    book.cells[2].metadata["mystnb"]["image"]["alt"] = alt


def without_caption(book):
    del book.cells[2].metadata["mystnb"]["figure"]


def without_a_number(book):
    book.cells[2].outputs[0].text = "lines"
    book.cells[2].outputs[1].data["text/plain"] = "<Figure size 640x480>"


def describing_nothing(book):
    book.cells[1].metadata["mystnb"] = book.cells[2].metadata["mystnb"]


def without_parameters(book):
    book.cells[1].metadata["tags"] = []


def without_opening(book):
    book.cells[0].metadata["tags"] = []


def without_next(book):
    book.cells[-1].source = book.cells[-1].source.replace("next", "")


def with_two_exercises(book):
    del book.cells[-5:-1]


def without_a_grade(book):
    cell = book.cells[3]
    cell.source = cell.source.replace("easy", "nice")


def without_goals(book):
    book.cells[0].source = book.cells[0].source.replace("able", "")


def with_another_time(book):
    book.cells[0].source = book.cells[0].source.replace("Not measured", "One")


def with_three_questions(book):
    cell = book.cells[-1]
    cell.source = cell.source.replace("question", "quiz", 1)


def with_one_error(book):
    cell = book.cells[-1]
    cell.source = cell.source.replace("common-error", "error", 1)


def without_solution(book):
    book.cells[-2].metadata["tags"] = []


def without_hint(book):
    book.cells[4].outputs = []


def with_a_wrong_solution(book):
    book.cells[6].outputs[0].text = "Incorrect"


def with_an_unchecked_solution(book):
    book.cells[6].source = "print('Correct')"


def with_a_lost_picture(book):
    book.cells[0].source += "\n![a](lost.png)"


FAULTS = [
    never_run,
    run_out_of_order,
    failed,
    timed,
    with_widgets,
    with_frames,
    in_pieces,
    with_metadata,
    exempt_by_tag,
    exempt_by_comment,
    without_alt,
    with_a_hash_as_alt,
    without_caption,
    without_a_number,
    describing_nothing,
    without_parameters,
    without_opening,
    without_next,
    with_two_exercises,
    without_a_grade,
    without_goals,
    with_another_time,
    with_three_questions,
    with_one_error,
    without_solution,
    without_hint,
    with_a_wrong_solution,
    with_an_unchecked_solution,
    with_a_lost_picture,
]


def faults_of(book: nbformat.NotebookNode, folder: Path) -> list[str]:
    path = folder / "notebooks" / "chapter.ipynb"
    path.parent.mkdir(exist_ok=True)
    nbformat.write(book, path)
    return faults(path)


def test_a_good_chapter_has_no_fault(tmp_path: Path):
    assert faults_of(good_chapter(), tmp_path) == []


def test_the_size_to_show_a_picture_in_is_kept():
    book = good_chapter()
    output = book.cells[2].outputs[1]
    size = {"width": 660, "height": 360}
    output.metadata = {"image/png": {**size, "more": 1}, "text/plain": {}}
    clean(book)
    assert output.metadata == {"image/png": size}
    assert list(check_metadata(book)) == []


DRAWN = '<svg role="img" x="0.25"><title>A network</title>7</svg>'


def test_an_inline_drawing_is_a_figure(tmp_path: Path):
    book = good_chapter()
    cell = book.cells[2]
    del cell.metadata["mystnb"]["image"]
    html = "<style>a{top:0.5}</style>" + DRAWN.replace("A n", "A whole n")
    cell.outputs[1].data = {"text/html": html.replace("work", "work, large")}
    assert faults_of(book, tmp_path) == ["cell 2: its figure needs alt text"]
    cell.outputs[1].data["text/html"] = html.replace(
        "network", "network from an image to ten numbers"
    )
    assert faults_of(book, tmp_path) == []
    assert printed(text_of(cell)) == {Decimal(2), Decimal(7)}
    del cell.metadata["mystnb"]
    assert faults_of(book, tmp_path) == ["cell 2: its figure needs a caption"]


@pytest.mark.parametrize("spoil", FAULTS, ids=lambda spoil: spoil.__name__)
def test_a_fault_is_found(spoil, tmp_path: Path):
    book = good_chapter()
    spoil(book)
    assert len(faults_of(book, tmp_path)) == 1


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("It reaches 0.88 here.", ["0.88"]),
        ("31 % and 5%", ["31 %", "5%"]),
        ("61.1 million, 2.5x, (12.5)", ["61.1 million", "2.5", "12.5"]),
        ("$0.5$ of $x^{0.7}$ is $y$, not 0.9", ["0.5", "0.9"]),
        ("```{note} In 0.1 s\nor 0.2 s\n```\nthen 0.3", ["0.1", "0.2", "0.3"]),
        ("| 0.5 | 7 |", ["0.5"]),
        ("1,234.5 images", ["1,234.5"]),
        ("`0.5` and\n```python\nx = 0.5\n```\nor 7", []),
        ("Python 3.11, torch 2.15, 1.2.3, section 3.1, CC-BY-4.0", []),
        ("[here](a/0.5.png) https://a.b/0.5 <img width='5%'>", []),
        ("```{figure} a.png\n:width: 80%\n```\n$$\n0.5\n$$", []),
    ],
)
def test_claims_are_found(text: str, numbers: list[str]):
    assert [number for number, _, _ in claimed(text)] == numbers


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("0.88", "accuracy 0.8812"),
        ("0.9", "0.85"),
        ("88 %", "0.8812"),
        ("88.1 %", "accuracy 88.12%"),
        ("61.1 million", "61,100,840 parameters"),
        ("1.5e-4", "0.00015"),
        ("0.0002", "1.5e-4"),
    ],
)
def test_a_printed_number_proves_a_claim(text: str, output: str):
    assert unproved(text, printed(output)) == []


@pytest.mark.parametrize(
    ("text", "output"),
    [("0.88", "0.8912"), ("5 %", "5 images"), ("0.9", "0.849"), ("2.0", "")],
)
def test_an_unprinted_number_does_not(text: str, output: str):
    assert unproved(text, printed(output)) == [text]


def test_an_unproved_number_is_named_with_its_cell():
    book = good_chapter()
    book.cells[0].source += " It takes 3.7 seconds."
    assert unproved_in(book, set()) == ["cell 0: 3.7"]
    book.cells[2].metadata["mystnb"]["figure"]["caption"] = "Up to 0.4."
    assert unproved_in(book, printed("3.7")) == ["cell 2: 0.4"]


def test_every_listed_page_exists_and_every_chapter_is_listed():
    toc = (ROOT / "book/_toc.yml").read_text(encoding="utf-8")
    listed = re.findall(r"(?:file|root): (\S+)", toc)
    stems = {path.with_suffix("") for path in [*notebooks(), *PAGES]}
    assert {ROOT / "book" / name for name in listed} == stems
