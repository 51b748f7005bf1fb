"""The page for teachers and the page of errata, as far as code makes them.

`teachers.md` from `teaching.toml` and from the notebooks themselves, so
that its minutes are never out of date; `errata.md` from the git remote.
"""

import math
import re
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
from bookpages import BOOK, link, plain, records, table  # noqa: E402

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
EXERCISE = re.compile(r"\{exercise-start\} *(.*)")
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
                grades=tuple(map(grade, EXERCISE.findall(cell.source))),
            )
            continue
        lines = [line for line in cell.source.splitlines() if line.strip()]
        read = not any(has_tag(cell, tag) for tag in UNREAD)
        found[-1] = found[-1].more(
            lines=len(lines) * read, figures=has_figure(cell)
        )
    return found


@cache
def chapters() -> dict[str, list[Section]]:
    """The sections of each notebook of the book, by its name."""
    return {
        path.stem: sections_of(nbformat.read(path, as_version=4))
        for path in notebooks()
        if path.parent.name == "notebooks"
    }


def teaching() -> dict:
    """What was written for teachers."""
    text = (BOOK / "teaching.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def clock(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02}"


def boxed(rows: list[str], name: str) -> list[str]:
    """A table with a class, for the style sheet."""
    return [":::{table}", f":class: {name}", "", *rows, ":::", ""]


def path_table(name: str) -> list[str]:
    """The steps of one path with the time on the clock."""
    content, now, rows = teaching(), 0, []
    for step in content["paths"][name]["steps"]:
        place = content["sections"].get(step.get("at"))
        rows.append(
            [
                clock(now),
                str(step["minutes"]),
                link(place) if place else f"*{step['name']}*",
                step.get("does", ""),
                place["why"] if place else "",
            ]
        )
        now += step["minutes"]
    head = ["clock", "minutes", "section", "the class", "why it is in"]
    rows.append([clock(now), "", "*End*", "", ""])
    return boxed(table(head, rows), "lesson")


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


def minutes_table(chapter: str) -> list[str]:
    """The minutes of each section, to read and for exercises."""
    rows = [
        [
            link({"chapter": chapter, "section": section.title}),
            str(math.ceil(section.reading())),
            str(section.exercises() or ""),
        ]
        for section in chapters()[chapter]
    ]
    return table(["section", "to read", "exercises"], rows)


def exercise(label: str) -> str:
    """A link to an exercise, by its title."""
    return f"{{ref}}`{label}`"


def about_a_chapter(chapter: str, content: dict) -> list[str]:
    """What to keep and to skip, homework, a question, the minutes."""

    def places(titles: list[str]) -> list[str]:
        return [link({"chapter": chapter, "section": t}) for t in titles]

    sections = chapters()[chapter]
    read = sum(math.ceil(section.reading()) for section in sections)
    solve = sum(section.exercises() for section in sections)
    lines = [f"### [](notebooks/{chapter}.ipynb)", ""]
    lines += [
        f"{read} minutes to read, {solve} of exercises; {seconds(chapter)}.",
        "",
        f"**Never skip:** {', '.join(places(content['keep']))}.",
        "",
        "**Skip, in this order** (and this is not understood then):",
        "",
    ]
    for row in content["skip"]:
        (place,) = places([row["section"]])
        lines.append(f"1. {place}: {row['lost']}.")
    homework = " and ".join(exercise(label) for label in content["homework"])
    lines += ["", f"**Homework:** {homework}.", ""]
    lines += [f"**Exam question.** {content['question']}", ""]
    if "code" in content:
        lines += ["```python", content["code"].strip(), "```", ""]
    lines += ["::::{admonition} What a good answer holds", ":class: dropdown"]
    lines += [*(f"- {point}" for point in content["holds"]), "::::", ""]
    lines += ["::::{admonition} Minutes of each section", ":class: dropdown"]
    return [*lines, *minutes_table(chapter), "::::", ""]


def chapter_pages() -> list[str]:
    """All chapters, in the order of the book."""
    lines = []
    for chapter, content in teaching()["chapters"].items():
        lines += about_a_chapter(chapter, content)
    return lines


def wrong_answers() -> list[str]:
    """Each question with the wrong answer, its reason, and the proof."""
    lines = []
    for row in teaching()["wrong"]:
        figure = f"{{numref}}`{row['figure']}`, " if "figure" in row else ""
        lines += [
            f"{row['ask']}",
            f": **They say:** {row['answer']}",
            "",
            f"  **It tempts:** {row['why']}",
            "",
            f"  **Show:** {figure}{link(row)}, which prints "
            f"`{row['shows'].strip()}`.",
            "",
        ]
    return lines


def changes() -> list[str]:
    """Words to change in a cell, and what then comes."""
    rows = [
        [
            link(row),
            f"`{row['old']}`<br>to `{row['new']}`",
            f"{row['shows']}<br>Prints `{row['prints']}`",
        ]
        for row in teaching()["change"]
    ]
    head = ["section", "change", "what comes"]
    return boxed(table(head, rows), "lesson")


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
    "two-hours": lambda: path_table("two-hours"),
    "six-hours": lambda: path_table("six-hours"),
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
