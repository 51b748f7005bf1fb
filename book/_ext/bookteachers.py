"""The page for teachers and the page of errata, as far as code makes them.

`teachers.md` from `teaching.toml` and from the notebooks themselves, so
that its minutes are never out of date; `errata.md` from the git remote.
"""

import builtins
import math
import re
import symtable
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))
from booklocal import git, repository  # noqa: E402
from bookpages import (  # noqa: E402
    BOOK,
    anchor,
    link,
    plain,
    records,
    table,
)

from tools.notebooks import has_figure  # noqa: E402
from tools.prose_numbers import without_code  # noqa: E402
from tools.sync_taught import has_tag, notebooks  # noqa: E402

MARK = re.compile(r"<!-- teaching: ([\w-]+) -->")
# The rule that turns a section into minutes
WORDS_A_MINUTE = 180
SECONDS_A_LINE = 4
SECONDS_A_FIGURE = 30
MINUTES_A_QUESTION = 1
MINUTES = {"easy": 4, "medium": 8, "hard": 15}
# Cells that a class need not read: folded ones, and what the book needs
UNREAD = ("setup", "hide-input", "check")
HEADING = re.compile(r"(?m)^(?=#{1,2} )")
EXERCISE = re.compile(r"\{exercise-start\} *(.*)\n:label: ([\w-]+)")
# Addresses of links, options of boxes, tags
NOT_READ = re.compile(r"\]\([^)]*\)|^ *:[\w-]+:.*$|<[^>]*>", re.MULTILINE)


class Section(NamedTuple):
    """What stands under one heading of a chapter, its subsections too."""

    title: str
    words: int = 0
    lines: int = 0
    figures: int = 0
    questions: int = 0
    grades: tuple[str, ...] = ()

    def more(self, **counts: int | tuple) -> "Section":
        """The section with something added."""
        sums = {name: getattr(self, name) + n for name, n in counts.items()}
        return self._replace(**sums)

    def reading(self) -> float:
        """Minutes to read it, its figures looked at, its questions asked."""
        seconds = 60 * self.words / WORDS_A_MINUTE
        seconds += SECONDS_A_LINE * self.lines
        seconds += SECONDS_A_FIGURE * self.figures
        return seconds / 60 + MINUTES_A_QUESTION * self.questions

    def exercises(self) -> int:
        """Minutes to solve its exercises."""
        return sum(MINUTES[grade] for grade in self.grades)

    def minutes(self) -> int:
        """All of it, rounded up."""
        return math.ceil(self.reading()) + self.exercises()


def grade(title: str) -> str:
    """The grade at the end of an exercise's title; medium without one."""
    last = title.rpartition("·")[2].strip()
    return last if last in MINUTES else "medium"


def sections_of(book: NotebookNode) -> list[Section]:
    """The sections of a notebook, the opening first."""
    found = []
    for cell in book.cells:
        if cell.cell_type == "markdown":
            for part in HEADING.split(without_code(cell.source)):
                if HEADING.match(part):
                    found.append(Section(part.partition("\n")[0].lstrip("# ")))
                if part.strip():
                    words = len(NOT_READ.sub(" ", part).split())
                    found[-1] = found[-1].more(words=words)
            found[-1] = found[-1].more(
                questions=cell.source.count('<details class="question">'),
                grades=tuple(
                    grade(title) for title, _ in EXERCISE.findall(cell.source)
                ),
            )
            continue
        lines = [line for line in cell.source.splitlines() if line.strip()]
        read = not any(has_tag(cell, tag) for tag in UNREAD)
        found[-1] = found[-1].more(
            lines=len(lines) * read, figures=has_figure(cell)
        )
    return found


@cache
def books() -> dict[str, NotebookNode]:
    """The chapters, by their names."""
    return {
        path.stem: nbformat.read(path, as_version=4)
        for path in notebooks()
        if path.parent.name == "notebooks"
    }


@cache
def chapters() -> dict[str, list[Section]]:
    """The sections of each chapter, by its name."""
    return {name: sections_of(book) for name, book in books().items()}


@cache
def teaching() -> dict:
    """What was written for teachers."""
    text = (BOOK / "teaching.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def clock(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02}"


def boxed(rows: list[str], name: str) -> list[str]:
    """A table with a class, for the style sheet."""
    return [":::{table}", f":class: {name}", "", *rows, ":::", ""]


def taken_by(scope: symtable.SymbolTable) -> set[str]:
    """The names of the whole notebook that a piece of code looks up."""
    found = {
        symbol.get_name()
        for symbol in scope.get_symbols()
        if symbol.is_referenced()
        and (symbol.is_global() or scope.get_type() == "module")
    }
    return found.union(*map(taken_by, scope.get_children()))


def names_in(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell takes from elsewhere, and those that it makes."""
    if source.startswith("%%"):
        return set(), set()
    source = re.sub(r"(?m)^%.*$", "", source)
    scope = symtable.symtable(source, "cell", "exec")
    made = {
        symbol.get_name()
        for symbol in scope.get_symbols()
        if symbol.is_assigned() or symbol.is_imported()
    }
    return taken_by(scope) - made - set(dir(builtins)), made


def is_jump(book: NotebookNode, title: str, visited: set[str]) -> bool:
    """Whether a section takes names that a section left out made last."""
    here, maker = "", {}
    for cell in book.cells:
        if cell.cell_type == "markdown":
            for part in HEADING.split(without_code(cell.source)):
                if part.startswith("## "):
                    here = part.partition("\n")[0].lstrip("# ")
            continue
        taken, made = names_in(cell.source)
        if here == title:
            homes = {maker[name] for name in taken if name in maker}
            if homes - visited - {"", title}:
                return True
        maker |= dict.fromkeys(made, here)
    return False


def first(place: dict, seen: set[str]) -> str:
    """What to do before a step; `seen` gets what has run after it."""
    chapter, title = place["chapter"], place["section"]
    hint = "" if seen else "*Open the chapter: run all above.* "
    if is_jump(books()[chapter], title, seen):
        hint = "*Run all above first.* "
        titles = [section.title for section in chapters()[chapter]]
        seen |= set(titles[: titles.index(title)])
    seen.add(title)
    return hint


def comes_at(row: dict, key: str) -> bool:
    """Whether a wrong answer comes in a section, named by its key."""
    place = teaching()["sections"][key]
    same = all(row[part] == place[part] for part in ("chapter", "section"))
    return row.get("at") == key or ("at" not in row and same)


def wrong_here(key: str) -> str:
    """Links to the wrong answers that come in a section."""
    return "".join(
        f' <a href="#wrong-{number}">Expect a wrong answer.</a>'
        for number, row in enumerate(teaching()["wrong"], start=1)
        if comes_at(row, key)
    )


def at_a_step(step: dict, seen: set[str]) -> str:
    """What happens in a step: what to do and say before it, where to stop."""
    place = teaching()["sections"][step["at"]]
    said = f"**Say first:** {step['say']} " if "say" in step else ""
    stop = f" *Stop {step['stop']}.*" if "stop" in step else ""
    return first(place, seen) + said + step["does"] + stop


def path_table(name: str) -> list[str]:
    """The steps of one path with the time on the clock."""
    content, now, rows = teaching(), 0, []
    seen = {chapter: set() for chapter in books()}
    for step in content["paths"][name]["steps"]:
        row = [clock(now), str(step["minutes"])]
        if "at" in step:
            place = content["sections"][step["at"]]
            does = at_a_step(step, seen[place["chapter"]])
            does += wrong_here(step["at"])
            rows.append([*row, link(place), does, place["why"]])
        else:
            rows.append([*row, f"*{step['name']}*", step["does"], ""])
        now += step["minutes"]
    rows.append([clock(now), "", "*End*", "", ""])
    head = ["clock", "minutes", "section", "the class", "why it is in"]
    return boxed(table(head, rows), "lesson")


def section_of(place: dict) -> Section:
    """The section of a chapter that is linked, with its words counted."""
    (found,) = (
        section
        for section in chapters()[place["chapter"]]
        if section.title == place["section"]
    )
    return found


def around_a_path(name: str) -> list[str]:
    """What to read before it, to leave out of it, to give home, to ask."""
    path, places = teaching()["paths"][name], teaching()["sections"]
    steps = {step["at"]: step for step in path["steps"] if "at" in step}
    read = sum(math.ceil(section_of(places[at]).reading()) for at in steps)
    late = [
        f"{link(places[row['at']])} ({steps[row['at']]['minutes']})"
        + (f", and say: {row['say']}" if "say" in row else "")
        for row in path["late"]
    ]
    home = [exercise(label) for label in path["homework"]]
    also = [link(places[at]) for at in path["reading"]]
    exams = [
        f'<a href="#exam-{name[:2]}">{name[:2]}</a>' for name in path["exams"]
    ]
    return [
        f"**To prepare:** its sections take {read} minutes to read, by the "
        "[rule below](#chapter-by-chapter); run them, too.",
        "",
        "**Late?** Leave out, in this order, what still lies ahead: "
        f"{'; '.join(late)}.",
        "",
        f"**Homework:** {'; '.join(home)}. They read before: "
        f"{'; '.join(also)}.",
        "",
        f"**Exam questions that fit:** those of {', '.join(exams)}.",
    ]


def rule() -> list[str]:
    """The rule of the minutes, in words."""
    grades = ", ".join(f"{MINUTES[name]} for {name}" for name in MINUTES)
    return [
        f"{WORDS_A_MINUTE} words a minute, {SECONDS_A_LINE} seconds for a "
        f"line of code that is not folded, {SECONDS_A_FIGURE} seconds for a "
        f"figure, {MINUTES_A_QUESTION} minute for a question to check "
        f"oneself; and for an exercise by its grade, in minutes: {grades}."
    ]


def seconds(chapter: str) -> str:
    """How long a chapter runs by itself, as it was measured."""
    for run in records():
        if run.get("kind") == "notebooks":
            took = run["notebooks"].get(chapter)
            if took:
                return f"runs in {took['seconds']} seconds on {run['device']}"
    return "its running time is not measured yet"


def place(chapter: str, section: str) -> str:
    """A link to a section, where the chapter is known."""
    address = f"notebooks/{chapter}.ipynb#{anchor(section)}"
    return f"[{plain(section)}]({address})"


def minutes_table(chapter: str) -> list[str]:
    """The minutes of each section, to read and to solve its exercises."""
    rows = [
        [
            place(chapter, section.title),
            str(math.ceil(section.reading())),
            str(section.exercises() or ""),
        ]
        for section in chapters()[chapter]
    ]
    return table(["section", "read", "solve"], rows)


@cache
def exercises() -> dict[str, str]:
    """The title of each exercise, with its grade, by its label."""
    found = {}
    for book in books().values():
        for cell in book.cells:
            for title, label in EXERCISE.findall(cell.source):
                found[label] = title.strip()
    return found


def exercise(label: str) -> str:
    """A link to an exercise, by its title."""
    return f"{{ref}}`{exercises()[label]} <{label}>`"


def about_a_chapter(chapter: str, content: dict) -> list[str]:
    """What to keep and to skip, homework, a question, the minutes."""
    sections = chapters()[chapter]
    read = sum(math.ceil(section.reading()) for section in sections)
    solve = sum(section.exercises() for section in sections)
    number = chapter.partition("_")[0]
    keep = [place(chapter, title) for title in content["keep"]]
    homework = [exercise(label) for label in content["homework"]]
    lines = [
        f"### {number} {sections[0].title}",
        "",
        f"[The chapter](notebooks/{chapter}.ipynb) takes {read} minutes to "
        f"read and {solve} for its exercises; {seconds(chapter)}.",
        "",
        f"**If you teach all of it, keep:** {', '.join(keep)}.",
        "",
        "**Leave out first, in this order** (and what is lost then):",
        "",
    ]
    for row in content["skip"]:
        lines.append(f"1. {place(chapter, row['section'])}: {row['lost']}.")
    lines += ["", f"**Homework:** {'; '.join(homework)}.", ""]
    lines += [f'<span id="exam-{number}"></span>', ""]
    lines += [f"**Exam question.** {content['question']}", ""]
    if "code" in content:
        lines += ["```python", content["code"].strip(), "```", ""]
    lines += ["::::{admonition} What a good answer holds", ":class: dropdown"]
    lines += [*(f"- {point}" for point in content["holds"]), "::::", ""]
    lines += ["::::{admonition} Minutes of each section", ":class: dropdown"]
    lines += [*minutes_table(chapter), "::::", ""]
    for number, row in enumerate(teaching()["wrong"], start=1):
        if row["chapter"] == chapter and not is_on_a_path(row):
            lines += wrong_answer(number, row)
    return lines


def chapter_pages() -> list[str]:
    """All chapters, in the order of the book."""
    lines = []
    for chapter, content in teaching()["chapters"].items():
        lines += about_a_chapter(chapter, content)
    return lines


def code(text: str) -> str:
    """What a cell prints, or code, within a line."""
    return f"`{' '.join(text.split())}`"


def is_on_a_path(row: dict) -> bool:
    """Whether a wrong answer comes in a section that a path visits."""
    return any(comes_at(row, key) for key in teaching()["sections"])


def wrong_answer(number: int, row: dict) -> list[str]:
    """A question with its wrong and its right answer, and the proof."""
    figure = f"{{numref}}`{row['figure']}`, " if "figure" in row else ""
    return [
        f'<span id="wrong-{number}"></span>{row["ask"]}',
        f": **Expect:** {row['answer']} *({row['why']})*",
        "",
        f"  **Right:** {row['right']}",
        "",
        f"  **Show:** {figure}{link(row)}. It prints {code(row['shows'])}.",
        "",
    ]


def wrong_answers() -> list[str]:
    """The wrong answers that come on the paths."""
    return [
        line
        for number, row in enumerate(teaching()["wrong"], start=1)
        if is_on_a_path(row)
        for line in wrong_answer(number, row)
    ]


def changes() -> list[str]:
    """Words to change in a cell, and what then comes."""
    rows = [
        [
            link(row),
            f"{code(row['old'])}<br>to {code(row['new'])}",
            f"{row['shows']}<br>Prints {code(row['prints'])}",
        ]
        for row in teaching()["change"]
    ]
    head = ["section", "change", "what comes"]
    return boxed(table(head, rows), "lesson")


def get() -> list[str]:
    """How to get the book: from its git remote, or from a person."""
    url = repository(BOOK).get("repository_url")
    if url:
        return [f"Get the book: `git clone {url}`."]
    return ["Copy the folder that you were given."]


def report() -> list[str]:
    """Where a mistake is reported: the page of the git remote."""
    url = repository(BOOK).get("repository_url")
    if url:
        return [f"Write it at <{url}/issues>, one mistake to an entry."]
    return ["Write to the one from whom you have this copy."]


def version() -> str:
    """The version of this copy."""
    text = (BOOK.parent / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["project"]["version"]


def this_copy() -> list[str]:
    """Which text the reader holds."""
    commit = git(BOOK, "rev-parse", "--short=12", "HEAD")
    at = f", made from commit `{commit}`" if commit else ""
    return [f"This is version {plain(version())}{at}."]


MAKERS = {
    "two-hours": lambda: path_table("two-hours") + around_a_path("two-hours"),
    "six-hours": lambda: path_table("six-hours") + around_a_path("six-hours"),
    "get": get,
    "rule": rule,
    "chapters": chapter_pages,
    "wrong": wrong_answers,
    "changes": changes,
    "report": report,
    "copy": this_copy,
}


def fill(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put what is made in place of each mark."""
    source[0] = MARK.sub(lambda m: "\n".join(MAKERS[m[1]]()), source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the parts while Sphinx reads the pages."""
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
