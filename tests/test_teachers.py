"""The pages for teachers: paths that add up, links and answers that hold."""

import contextlib
import copy
import io
import math
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import nbformat
import pytest
import torch
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from torch import nn

from alexnet_lib import evidence, layers
from tests.conftest import ROOT, load
from tools.notebooks import text_of
from tools.prose_numbers import (
    printed,
    unproved,
    without_code,
)
from tools.sync_taught import has_tag

teachers = load("book/_ext/bookteachers.py")
pages = load("book/_ext/bookpages.py")
HEADING = re.compile(r"(?m)^(#{1,3}) (.+?)\s*$")
LABEL = re.compile(r"\{ref\}`(?:[^`<]*<)?([\w-]+)>?`")
CONTENT = teachers.teaching()
CHANGES = CONTENT["change"]
PAGES = [ROOT / "book" / name for name in ("teachers.md", "errata.md")]
CHAPTERS = [name for name in teachers.chapters() if name[0].isdigit()]


@cache
def sections(chapter: str) -> dict[str, list[NotebookNode]]:
    """The code cells of each section, with those of the ones inside it."""
    cells, opened = {}, []  # opened: the headings that are not over yet
    for cell in teachers.books()[chapter].cells:
        if cell.cell_type == "code":
            for _, title in opened:
                cells[title].append(cell)
            continue
        for marks, title in HEADING.findall(without_code(cell.source)):
            opened = [(n, t) for n, t in opened if n < len(marks)]
            opened.append((len(marks), title))
            assert title not in cells, f"{chapter} has {title!r} twice"
            cells[title] = []
    return cells


def places(content: dict) -> Iterator[tuple[str, str]]:
    """Each section that is linked: its chapter and its heading."""
    rows = [*content["sections"].values(), *content["wrong"]]
    for row in [*rows, *content["change"]]:
        yield row["chapter"], row["section"]
    for chapter, about in content["chapters"].items():
        for title in about["keep"] + [row["section"] for row in about["skip"]]:
            yield chapter, title


def place_in_book(row: dict) -> tuple[str, int]:
    """Something that grows from the first page to the last."""
    return row["chapter"], list(sections(row["chapter"])).index(row["section"])


def faults_of_a_path(path: dict, content: dict) -> Iterator[str]:
    """Sums that are off, and sections that come before what they need."""
    now, seen, rested = 0, [], 0
    ends = set()
    for step in path["steps"]:
        now += step["minutes"]
        ends.add(now)
        if "at" not in step:
            rested = now
            continue
        if now - rested > 90:
            yield f"{now - rested} minutes without a free one"
        row = content["sections"][step["at"]]
        for needed in row["needs"]:
            if needed not in seen:
                yield f"{step['at']} comes before {needed}"
        if step["at"] in seen:
            yield f"{step['at']} comes twice"
        seen.append(step["at"])
        if row["section"] in sections(row["chapter"]) and "stop" not in step:
            reading = math.ceil(teachers.section_of(row).reading())
            if step["minutes"] < reading:
                yield f"{step['at']} takes {reading} minutes to read"
    if now != path["minutes"]:
        yield f"{now} minutes, not {path['minutes']}"
    lesson = path.get("lesson", now)
    for end in range(lesson, now, lesson):
        if end not in ends:
            yield f"no step ends at {end}"


@cache
def homes() -> dict[str, tuple[str, str]]:
    """The chapter and the section in which each exercise stands."""
    found = {}
    for chapter, book in teachers.books().items():
        title = ""
        for cell in book.cells:
            if cell.cell_type == "markdown":
                for part in teachers.HEADING.split(without_code(cell.source)):
                    if part.startswith("## "):
                        title = part.partition("\n")[0][3:]
                for _, label in teachers.EXERCISE.findall(cell.source):
                    found[label] = chapter, title
    return found


def faults_around_a_path(path: dict, content: dict) -> Iterator[str]:
    """What may be left out and is needed; homework and exams too early."""
    steps = [step["at"] for step in path["steps"] if "at" in step]
    for row in path["late"]:
        needing = [
            at for at in steps if row["at"] in content["sections"][at]["needs"]
        ]
        if row["at"] not in steps:
            yield f"{row['at']} is no step and cannot be left out"
        elif needing and "say" not in row:
            yield f"{row['at']} is left out, and {needing[0]} needs it"
    known = {*steps, *path["reading"]}
    places = {
        (
            content["sections"][at]["chapter"],
            content["sections"][at]["section"],
        )
        for at in known
    }
    for label in path["homework"]:
        if homes().get(label) not in places:
            yield f"{label} rests on a section that was left out"
    for chapter in path["exams"]:
        for at in content["chapters"][chapter]["rests"]:
            if at not in known:
                yield f"the exam of {chapter} rests on {at}"


def faults(content: dict) -> Iterator[str]:
    """All that is wrong with what stands in `teaching.toml`."""
    for chapter, title in places(content):
        if title not in sections(chapter):
            yield f"{chapter}: no section {title!r}"
    for name, path in content["paths"].items():
        for fault in faults_of_a_path(path, content):
            yield f"{name}: {fault}"
        for fault in faults_around_a_path(path, content):
            yield f"{name}: {fault}"
    for name, row in content["sections"].items():
        for needed in row["needs"]:
            other = content["sections"][needed]
            if place_in_book(other) >= place_in_book(row):
                yield f"{name} needs {needed}, which comes later"
    for row in content["wrong"]:
        if row.get("at", "loss") not in content["sections"]:
            yield f"no step {row['at']}"
        cells = sections(row["chapter"]).get(row["section"], [])
        if row["shows"] not in "\n".join(map(text_of, cells)):
            yield f"no cell prints {row['shows']!r}"
        figures = [
            cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
            for cell in cells
        ]
        if "figure" in row and row["figure"] not in figures:
            yield f"no figure {row['figure']} in {row['section']!r}"
    named = set(LABEL.findall(str(content["paths"])))
    for about in content["chapters"].values():
        named |= set(about["homework"])
    for label in sorted(named - set(teachers.exercises())):
        yield f"no exercise {label}"


def test_sums_links_answers_and_exercises_are_right():
    assert list(faults(CONTENT)) == []


def test_the_paths_take_two_and_six_hours():
    for name, minutes in (("two-hours", 120), ("six-hours", 360)):
        steps = CONTENT["paths"][name]["steps"]
        assert sum(step["minutes"] for step in steps) == minutes
    for name, breaks, free in (("two-hours", 0, 2), ("six-hours", 3, 4)):
        steps = CONTENT["paths"][name]["steps"]
        named = [step["name"] for step in steps if "name" in step]
        assert named.count("Free") == free == len(named) - breaks


def test_each_chapter_is_there_and_says_enough():
    assert list(CONTENT["chapters"]) == CHAPTERS
    for about in CONTENT["chapters"].values():
        skipped = {row["section"] for row in about["skip"]}
        assert about["keep"] and len(about["skip"]) >= 3
        assert not skipped & set(about["keep"])
        assert about["homework"] and len(about["holds"]) >= 3
    assert len(CONTENT["wrong"]) >= 12


def test_no_path_visits_what_may_be_skipped():
    visited = {
        (row["chapter"], row["section"])
        for row in CONTENT["sections"].values()
    }
    for chapter, about in CONTENT["chapters"].items():
        for row in about["skip"]:
            assert (chapter, row["section"]) not in visited


def texts(content: dict) -> Iterator[tuple[str, str]]:
    """Each chapter with what is said about it."""
    for path in content["paths"].values():
        for step in path["steps"]:
            if "at" in step:
                row = content["sections"][step["at"]]
                said = step.get("say", "") + step.get("stop", "")
                yield row["chapter"], f"{said} {step['does']} {row['why']}"
    for row in content["wrong"]:
        said = [row[part] for part in ("ask", "answer", "right", "why")]
        yield row["chapter"], "\n".join(said)
    for row in content["change"]:
        yield row["chapter"], row["shows"]
    for chapter, about in content["chapters"].items():
        lost = [row["lost"] for row in about["skip"]]
        yield chapter, "\n".join([about["question"], *about["holds"], *lost])


def unproved_numbers(content: dict) -> list[str]:
    """Numbers that the chapter that is named does not print."""
    # Records hold so many numbers that a wrong one is found there too
    known = {
        chapter: printed("\n".join(map(text_of, book.cells)))
        for chapter, book in teachers.books().items()
    }
    return [
        f"{chapter}: {number}"
        for chapter, text in texts(content)
        for number in unproved(text, known[chapter])
    ]


def test_numbers_are_those_of_the_chapters():
    assert unproved_numbers(CONTENT) == []


def test_another_number_is_found():
    content = copy.deepcopy(CONTENT)
    content["wrong"][0]["why"] += " In all 12.345 %."
    assert unproved_numbers(content) == ["01_architecture: 12.345 %"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            lambda c: c["sections"]["loss"].update(section="Gone"),
            "04_training_loop: no section 'Gone'",
        ),
        (
            lambda c: c["chapters"]["07_checkpointing"]["keep"].append("Gone"),
            "07_checkpointing: no section 'Gone'",
        ),
        (
            lambda c: c["paths"]["two-hours"]["steps"][0].update(minutes=9),
            "two-hours: 122 minutes, not 120",
        ),
        (
            lambda c: c["paths"]["two-hours"]["steps"][0].update(minutes=9),
            "two-hours: no step ends at 60",
        ),
        (
            lambda c: c["paths"]["six-hours"]["steps"].reverse(),
            "six-hours: sure comes before softmax",
        ),
        (
            lambda c: [
                step.update(at="keep")
                for step in c["paths"]["six-hours"]["steps"][11:13]
            ],
            "six-hours: 105 minutes without a free one",
        ),
        (
            lambda c: c["paths"]["two-hours"]["steps"][0].update(minutes=3),
            "two-hours: input takes 4 minutes to read",
        ),
        (
            lambda c: c["paths"]["six-hours"]["steps"][7].pop("stop"),
            "six-hours: network takes 9 minutes to read",
        ),
        (
            lambda c: c["paths"]["two-hours"]["late"][1].pop("say"),
            "two-hours: relu is left out, and network needs it",
        ),
        (
            lambda c: c["paths"]["two-hours"]["late"].append({"at": "keep"}),
            "two-hours: keep is no step",
        ),
        (
            lambda c: c["paths"]["two-hours"]["reading"].clear(),
            "two-hours: exercise-04-halves rests on a section",
        ),
        (
            lambda c: c["paths"]["two-hours"]["exams"].append("06_flowers"),
            "two-hours: the exam of 06_flowers rests on splits",
        ),
        (
            lambda c: c["wrong"][3].update(at="flattened"),
            "no step flattened",
        ),
        (
            lambda c: c["sections"]["loss"]["needs"].append("no-flower"),
            "loss needs no-flower, which comes later",
        ),
        (
            lambda c: c["wrong"][0].update(shows="92.1 %"),
            "no cell prints '92.1 %'",
        ),
        (
            lambda c: c["wrong"][0].update(figure="fig-99"),
            "no figure fig-99",
        ),
        (
            lambda c: c["chapters"]["01_architecture"].update(
                homework=["exercise-99"]
            ),
            "no exercise exercise-99",
        ),
        (
            lambda c: c["paths"]["two-hours"]["steps"][0].update(
                does="{ref}`one <exercise-98>`"
            ),
            "no exercise exercise-98",
        ),
    ],
)
def test_a_fault_is_found(change, complaint: str):
    content = copy.deepcopy(CONTENT)
    with contextlib.suppress(ValueError):  # no place in the book
        change(content)
        found = []
        for fault in faults(content):
            found.append(fault)
    assert any(fault.startswith(complaint) for fault in found)


# One word changed in a cell


def run(row: dict) -> str:
    """What the changed cell prints, after the cells that it needs."""
    cells = sections(row["chapter"])[row["section"]]
    first = [row["from"] in cell.source for cell in cells].index(True)
    last = [row["old"] in cell.source for cell in cells].index(True)
    space = {"torch": torch, "nn": nn, "evidence": evidence}
    space |= {"output_size": layers.output_size}
    if "DataLoader" in cells[last].source:
        space["DataLoader"] = torch.utils.data.DataLoader
    for cell in cells[first : last + 1]:
        source = cell.source
        if cell is cells[last]:
            assert source.count(row["old"]) == 1
            source = source.replace(row["old"], row["new"])
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(compile(source, "changed", "exec"), space)
    return said.getvalue()


@pytest.fixture
def float64() -> Iterator[None]:
    """What the chapters compute in, in the small size."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(usual)


@pytest.mark.parametrize("row", CHANGES, ids=lambda row: row["new"])
def test_a_changed_word_prints_what_is_said(row: dict, float64: None):
    assert row["prints"] in run(row)
    assert row["prints"] not in run({**row, "new": row["old"]})


def test_the_loop_of_an_exam_question_runs():
    content = CONTENT["chapters"]["04_training_loop"]
    assert "runs without a message" in content["question"]
    model = nn.Linear(4, 3)
    space = {
        "model": model,
        "criterion": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
        "train_loader": [(torch.ones(2, 4), torch.tensor([0, 2]))],
        "test_loader": [],
        "accuracy_of": lambda model, loader: 0.25,
    }
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(content["code"], space)
    assert said.getvalue() == "the result: 0.25\n"


def test_the_numbers_of_an_exam_question_are_right():
    with torch.device("meta"):
        conv = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3)
        out = conv(torch.zeros(1, 3, 128, 128))
        pooled = nn.MaxPool2d(3, stride=2)(out)
    shapes = [" x ".join(map(str, maps.shape[1:])) for maps in (out, pooled)]
    said = " ".join(CONTENT["chapters"]["01_architecture"]["holds"])
    for number in (layers.count_parameters(conv), layers.macs(conv, out)):
        assert f"{number:,}" in said
    assert f"{shapes[0]} after the convolution" in said
    assert f"{shapes[1]} after the pool" in said


# The minutes


def small_book() -> NotebookNode:
    """A chapter with one of each thing that is counted."""
    figure = new_output("display_data", {"image/png": ""})
    words = "word " * (2 * teachers.WORDS_A_MINUTE - 1)
    text = (
        f"## One\n{words}\n\n```python\n# none of this\n```\n\n"
        '<details class="question">\n<summary>Why?</summary>\n</details>'
    )
    return nbformat.v4.new_notebook(
        cells=[
            new_markdown_cell("# A chapter"),
            new_markdown_cell(text),
            new_code_cell("a = 1\n\nb = 2\nc = 3", outputs=[figure]),
            new_code_cell("hidden = 1", metadata={"tags": ["hide-input"]}),
            new_markdown_cell("## Two\n### Inside"),
            new_markdown_cell("```{exercise-start} It · hard\n:label: x\n```"),
            new_markdown_cell("```{exercise-start} It\n:label: y\n```"),
        ]
    )


def test_minutes_follow_the_rule():
    opening, one, two = teachers.sections_of(small_book())
    assert (opening.title, opening.words) == ("A chapter", 3)
    # Two more in the heading, one in the box, one to name the language
    assert one == ("One", 2 * teachers.WORDS_A_MINUTE + 3, 3, 1, 1, ())
    assert one.reading() == pytest.approx(2 + 3 / 180 + 12 / 60 + 0.5 + 1)
    assert (two.title, two.grades) == ("Two", ("hard", "medium"))
    assert two.exercises() == teachers.MINUTES["hard"] + 8
    assert two.minutes() == 24


def test_every_section_has_its_minutes():
    for chapter in CHAPTERS:
        rows = teachers.minutes_table(chapter)[2:]
        cells = teachers.books()[chapter].cells
        text = "\n".join(c.source for c in cells if c.cell_type == "markdown")
        headings = re.findall(r"(?m)^##? (.+)$", without_code(text))
        assert len(rows) == len(headings) > 5
        for row, title in zip(rows, headings, strict=True):
            assert row.startswith(f"| [{teachers.plain(title)}](")
            assert int(row.split("|")[2]) > 0


def test_the_page_says_the_rule():
    (said,) = teachers.rule()
    for part in (
        f"{teachers.WORDS_A_MINUTE} words a minute",
        f"{teachers.SECONDS_A_LINE} seconds for a line",
        f"{teachers.SECONDS_A_FIGURE} seconds for a figure",
        f"{teachers.MINUTES_A_QUESTION} minute for a question",
        *(f"{n} for {name}" for name, n in teachers.MINUTES.items()),
    ):
        assert part in said


def jumping_book() -> NotebookNode:
    """A chapter whose third section needs the second, its fourth none."""
    cells = [new_code_cell("import torch")]
    sources = {
        "One": "a = 1\nb = 2",
        "Two": "b = 3\n\n\ndef double(x):\n    return 2 * x",
        "Three": "%xmode\nprint([double(b) for b in (1, 2)])",
        "Four": "c = a + torch.ones(1)\nb = c\nprint(b)",
        "Five": "def f():\n    return b",
    }
    for title, source in sources.items():
        cells += [new_markdown_cell(f"## {title}"), new_code_cell(source)]
    cells.append(new_code_cell("f()"))
    return nbformat.v4.new_notebook(cells=cells)


@pytest.mark.parametrize(
    ("title", "visited", "jumps"),
    [
        ("Three", {"One"}, True),  # double is of Two
        ("Three", {"Two"}, False),
        ("Four", {"One"}, False),
        ("Four", set(), True),
        ("Five", {"One", "Two"}, True),  # b is of Four now
        ("Five", {"Four"}, False),
    ],
)
def test_a_step_that_needs_what_was_left_out_says_so(
    title: str, visited: set[str], jumps: bool
):
    assert teachers.is_jump(jumping_book(), title, visited) == jumps


def test_the_paths_say_where_to_run_all_above():
    for name, place in (("two-hours", "rate"), ("six-hours", "splits")):
        (row,) = [
            row
            for row in teachers.path_table(name)
            if CONTENT["sections"][place]["section"] in row
        ]
        assert "Run all above first" in row
    first = teachers.path_table("two-hours")[5]
    assert "What goes in" in first and "*Open the chapter" in first
    assert "*Run all" not in first


def test_a_step_says_where_a_wrong_answer_comes():
    wrong = {
        row.get("at") or row["section"]: f'"#wrong-{number}"'
        for number, row in enumerate(CONTENT["wrong"], start=1)
    }
    linked = set()
    for name, path in CONTENT["paths"].items():
        rows = teachers.path_table(name)[5:]
        for row, step in zip(rows, path["steps"], strict=False):
            place = CONTENT["sections"].get(step.get("at"), {})
            names = {step.get("at"), place.get("section")} & set(wrong)
            assert row.count("Expect a wrong answer") == len(names)
            assert all(wrong[name] in row for name in names)
            linked |= names
    off = {row["section"] for row in CONTENT["wrong"] if off_the_paths(row)}
    assert off and linked | off == set(wrong)


def off_the_paths(row: dict) -> bool:
    return f'"wrong-{CONTENT["wrong"].index(row) + 1}"' not in "\n".join(
        teachers.wrong_answers()
    )


# The pages


def test_each_part_that_is_made_stands_on_a_page():
    marks = [
        mark
        for path in PAGES
        for mark in teachers.MARK.findall(path.read_text(encoding="utf-8"))
    ]
    assert sorted(marks) == sorted(teachers.MAKERS)


def test_all_that_was_written_is_shown():
    made = {name: "\n".join(make()) for name, make in teachers.MAKERS.items()}
    for name in ("two-hours", "six-hours"):
        for step in CONTENT["paths"][name]["steps"]:
            for part in ("does", "say", "stop", "name"):
                assert step.get(part, "") in made[name]
        for row in CONTENT["paths"][name]["late"]:
            assert row.get("say", "") in made[name]
        for label in CONTENT["paths"][name]["homework"]:
            assert f"<{label}>" in made[name]
    for row in CONTENT["wrong"]:
        shown = "chapters" if off_the_paths(row) else "wrong"
        parts = [row[name] for name in ("ask", "answer", "right", "why")]
        for part in [*parts, teachers.code(row["shows"])]:
            assert part in made[shown]
    for row in CHANGES:
        assert row["shows"] in made["changes"]
    for about in CONTENT["chapters"].values():
        for text in [about["question"], *about["holds"]]:
            assert text in made["chapters"]


def test_all_boxes_are_named():
    text = PAGES[0].read_text(encoding="utf-8")
    part = text.partition("## Boxes to touch")[2].partition("\n## ")[0]
    named = re.findall(r"\]\(notebooks/(\w+)\.ipynb#([\w-]+)\)", part)
    boxes = []
    for chapter, book in teachers.books().items():
        title = ""
        for cell in book.cells:
            if cell.cell_type == "markdown":
                for _, found in HEADING.findall(without_code(cell.source)):
                    title = found
                if 'class="explorer"' in cell.source:
                    boxes.append((chapter, pages.anchor(title)))
    assert len(boxes) > 2 and set(named) == set(boxes)


def test_what_the_page_tells_to_run_is_there():
    text = PAGES[0].read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?m)^ *make (\w+)$", text):
        assert re.search(rf"(?m)^{target}:", makefile)
    for command in (
        "jupyter-book build book -W -n --keep-going --all",
        "python tools/handout.py build/handout",
        "pip install -r requirements.txt",
    ):
        assert command in text
        assert command.removeprefix("python ") in makefile


def marking(*arguments: str) -> str:
    """What the program on the page prints."""
    text = PAGES[0].read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    said = io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(said),
    ):
        patch.setattr("sys.argv", ["mark.py", *arguments])
        exec(program, {})
    return said.getvalue().strip()


def test_the_program_on_the_page_counts_solved_exercises(tmp_path: Path):
    homework = copy.deepcopy(teachers.books()["01_architecture"])
    starters = [cell for cell in homework.cells if has_tag(cell, "starter")]
    path = tmp_path / "ada.ipynb"
    for right in (0, 2):
        for cell in starters[:right]:
            text = "Correct: 108\n"
            cell.outputs = [new_output("stream", name="stdout", text=text)]
        nbformat.write(homework, path)
        said = marking(str(tmp_path))
        assert said == f"ada.ipynb {right} of {len(starters)}"


def test_mistakes_go_to_the_remote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    monkeypatch.setattr(teachers, "BOOK", tmp_path)
    assert "from whom you have" in teachers.report()[0]
    assert "Copy the folder" in teachers.get()[0]
    remote = "https://me:secret@github.com/acme/book.git"
    command = ["git", "-C", tmp_path, "remote", "add", "origin", remote]
    subprocess.run(command, check=True)
    assert "<https://github.com/acme/book/issues>" in teachers.report()[0]
    assert "git clone https://github.com/acme/book`" in teachers.get()[0]


def test_the_version_has_an_entry_and_comes_first():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    text = (ROOT / "book" / "changes.md").read_text(encoding="utf-8")
    versions = re.findall(r"(?m)^## (.+)$", text)
    assert versions[0] == project["project"]["version"]
    assert teachers.version() in teachers.this_copy()[0]
