"""Run the notebooks and store what they print, or check how they are made.

    python tools/notebooks.py run                    all of them, in place
    python tools/notebooks.py run 01_architecture    one, by its name
    python tools/notebooks.py run --record           all; keep what they took
    python tools/notebooks.py check                  only look for faults

A notebook is written only when all its cells ran. The record of what they
took is `notebooks-cpu`; each opening says it. A chapter needs

- a markdown cell tagged "opening" and one tagged "closing" (see WORDS);
- four questions, <details class="question">, and two errors that readers
  meet, <details class="common-error">, each with its test in book/errors;
- one code cell tagged "parameters", for all that differs between the
  small and the full size (or notebook metadata "alexnet_no_parameters",
  which says why there is none). The test of the full size sets the
  variables in notebook metadata "alexnet_miniature", such as
  {"images": 256, "epochs": 1}, right after it, and leaves out cells
  tagged "small-only";
- three exercises. Each is a markdown cell with {exercise-start}, a code
  cell tagged "starter", a markdown cell with {exercise-end} and
  {solution-start}, a code cell tagged "solution", and a markdown cell with
  {solution-end}. Both code cells call the same function check_..., defined
  in a cell tagged "check": the starter gets a line with "Hint", the
  solution one with "Correct".

A cell with a figure has in its metadata
{"mystnb": {"image": {"alt": ...}, "figure": {"caption": ...}}}.
"""

import argparse
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import torch
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from alexnet_lib import evidence  # noqa: E402
from tools.sync_taught import ROOT, has_tag, notebooks  # noqa: E402

WIDGET = "application/vnd.jupyter.widget-view+json"
RECORD = "notebooks-cpu"
WORDS = {
    "opening": [
        "**What you will build.**",
        "**What you will be able to do.**",
        "**What you need to know.**",
        "**Time and memory.**",
    ],
    "closing": ["What you saw", "What next"],
}
BOXES = {"question": 4, "common-error": 2}
GRADE = re.compile(r"· (easy|medium|hard)$")
# nbval leaves such a cell out, by a tag or by a comment in it
EXEMPT = re.compile(r"nbval-(ignore-output|skip)")
# Of HTML, only what is read: no styles, and no coordinates of a drawing
MARKUP = re.compile(r"<style>.*?</style>|<[a-z/][^>]*>", re.DOTALL)
PEAK = """\
try:
    import resource
except ImportError:  # Windows does not count it
    print(0)
else:
    unit = 1 if __import__("sys").platform == "darwin" else 1024
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)"""


def text_of(cell: NotebookNode) -> str:
    """What a cell printed or showed as text."""
    parts = []
    for output in cell.get("outputs", []):
        parts.append(output.get("text", ""))
        for kind, data in sorted(output.get("data", {}).items()):
            if kind == "text/html":
                parts.append(MARKUP.sub(" ", data))
            elif kind.startswith("text/"):
                parts.append(data)
        parts.append(output.get("evalue", ""))
    return "\n".join(parts)


def has_figure(cell: NotebookNode) -> bool:
    """Whether a cell shows a picture, as a file or as inline SVG."""
    return any(
        kind.startswith("image/") or (kind == "text/html" and "<svg" in data)
        for output in cell.get("outputs", [])
        for kind, data in output.get("data", {}).items()
    )


def shown_size(output: NotebookNode) -> dict:
    """How large a picture is to be shown; nothing else is kept of it."""
    sizes = {
        kind: {key: size[key] for key in ("width", "height")}
        for kind, size in output.get("metadata", {}).items()
        if kind in output.get("data", {}) and {"width", "height"} <= set(size)
    }
    return nbformat.from_dict(sizes)


def name_inside(cell: NotebookNode) -> str:
    """The name that an inline SVG gives itself."""
    for output in cell.get("outputs", []):
        html = output.get("data", {}).get("text/html", "")
        if match := re.search(r'<svg[^>]*role="img"[^>]*><title>(.*?)<', html):
            return match[1]
    return ""


def is_exempt(cell: NotebookNode) -> bool:
    """Whether nbval does not compare what a cell prints."""
    tags = " ".join(cell.metadata.get("tags", []))
    comments = cell.source.lower().replace("_", "-")
    return bool(EXEMPT.search(tags) or EXEMPT.search(comments))


def is_chapter(path: Path) -> bool:
    """Whether a notebook is a chapter; the introduction is not."""
    return path.parent.name == "notebooks"


# Checks: each gives one sentence for each fault


def check_execution(book: NotebookNode) -> Iterator[str]:
    """Every code cell ran, in order, and none failed unannounced."""
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    for wanted, cell in enumerate(code, start=1):
        if cell.execution_count != wanted:
            yield (
                f"code cell {wanted} has execution count "
                f"{cell.execution_count}: run the notebook"
            )
        kinds = [output.output_type for output in cell.outputs]
        if "error" in kinds and not has_tag(cell, "raises-exception"):
            yield f"code cell {wanted} stores an error"


def check_metadata(book: NotebookNode) -> Iterator[str]:
    """No timing, no widgets, no frames of a progress bar."""
    if "widgets" in book.metadata:
        yield "the notebook stores widget state"
    for number, cell in enumerate(book.cells):
        if "execution" in cell.metadata:
            yield f"cell {number} stores when it ran"
        if is_exempt(cell) and not cell.metadata.get("exempt_reason"):
            yield f"cell {number} is exempt without an exempt_reason"
        previous = None
        for output in cell.get("outputs", []):
            if output.get("metadata", {}) != shown_size(output):
                yield f"cell {number} has an output with metadata"
            if WIDGET in output.get("data", {}):
                yield f"cell {number} shows a widget"
            if "\r" in output.get("text", ""):
                yield f"cell {number} stores frames of a progress bar"
            name = output.get("name")
            if name and name == previous:
                yield f"cell {number} prints in pieces: run the notebook"
            previous = name


def check_figures(book: NotebookNode) -> Iterator[str]:
    """Each figure has a caption, words for who cannot see it, a number."""
    for number, cell in enumerate(book.cells):
        myst = cell.metadata.get("mystnb", {})
        alt = myst.get("image", {}).get("alt", "") or name_inside(cell)
        caption = myst.get("figure", {}).get("caption", "")
        if not has_figure(cell):
            if alt or caption:
                yield f"cell {number} describes a figure that is not there"
            continue
        if len(alt) < 30 or re.search(r"\b[0-9a-f]{16,}\b", alt):
            yield f"cell {number}: its figure needs alt text"
        if not caption:
            yield f"cell {number}: its figure needs a caption"
        if not re.search(r"\d", re.sub(r"<Figure[^>]*>", "", text_of(cell))):
            yield f"cell {number} prints no number that its figure shows"


def check_parts(book: NotebookNode) -> Iterator[str]:
    """A chapter has one parameters cell, an opening and a closing."""
    tagged = [cell for cell in book.cells if has_tag(cell, "parameters")]
    wanted = 0 if book.metadata.get("alexnet_no_parameters") else 1
    if len(tagged) != wanted:
        yield f"{len(tagged)} cells are tagged parameters, not {wanted}"


def check_frame(book: NotebookNode) -> Iterator[str]:
    """A chapter says first what it will do and last what was seen."""
    for tag, words in WORDS.items():
        cells = [cell for cell in book.cells if has_tag(cell, tag)]
        if len(cells) != 1:
            yield f"{len(cells)} cells are tagged {tag}, not 1"
            continue
        for phrase in words:
            if phrase not in cells[0].source:
                yield f"the {tag} does not say '{phrase}'"


def check_boxes(book: NotebookNode) -> Iterator[str]:
    """Questions to check oneself, and errors that readers meet."""
    text = text_in(book)
    for kind, least in BOXES.items():
        count = text.count(f'<details class="{kind}">')
        if count < least:
            yield f"{count} boxes of class {kind}; a chapter has {least}"


def check_time(book: NotebookNode, record: dict, name: str) -> Iterator[str]:
    """The opening says what the record says."""
    if measured(record, name, book) not in text_in(book):
        yield "the opening does not say what was measured: run with --record"


def text_in(book: NotebookNode) -> str:
    """All markdown of a notebook."""
    cells = [cell for cell in book.cells if cell.cell_type == "markdown"]
    return "\n\n".join(cell.source for cell in cells)


def called_checks(cell: NotebookNode) -> set[str]:
    """The functions check_... that a cell calls."""
    return set(re.findall(r"\b(check_\w+)\(", cell.source))


def check_exercises(book: NotebookNode) -> Iterator[str]:
    """Each exercise has a starter that helps and a solution that is right."""
    markdown = text_in(book)
    titles = re.findall(r"\{exercise-start\}(.*)", markdown)
    count = len(titles)
    for title in titles:
        if not GRADE.search(title):
            yield f"exercise '{title.strip()}' has no grade"
    if count < 3:
        yield f"{count} exercises are too few: a chapter has at least 3"
    starters = [cell for cell in book.cells if has_tag(cell, "starter")]
    solutions = [cell for cell in book.cells if has_tag(cell, "solution")]
    counts = [len(starters), len(solutions)]
    counts.append(markdown.count("{solution-start}"))
    if counts != [count] * 3:
        yield f"{count} exercises, but starters, solutions, texts: {counts}"
        return
    for number, pair in enumerate(zip(starters, solutions, strict=True), 1):
        starter, solution = pair
        if not re.search(r"\bhint\b", text_of(starter), re.IGNORECASE):
            yield f"the starter of exercise {number} prints no hint"
        if re.search(r"\bcorrect\b", text_of(starter), re.IGNORECASE):
            yield f"the starter of exercise {number} is correct already"
        if not re.search(r"\bcorrect\b", text_of(solution), re.IGNORECASE):
            yield f"the solution of exercise {number} is not correct"
        if not called_checks(starter) & called_checks(solution):
            yield f"exercise {number}: the two cells share no check_..."


def check_links(book: NotebookNode, path: Path) -> Iterator[str]:
    """Each file that the text names is there."""
    for number, cell in enumerate(book.cells):
        if cell.cell_type == "markdown":
            for target in missing_files(cell.source, path.parent):
                yield f"cell {number} names {target}, which is not there"


def missing_files(text: str, folder: Path) -> list[str]:
    """Files that markdown links, shows or includes and that do not exist."""
    named = re.findall(r"\]\(([^)\s]+)\)", text)
    named += re.findall(r"```\{(?:figure|image)\}\s*(\S+)", text)
    named += re.findall(r"""<img[^>]*\ssrc=["']([^"']+)""", text)
    local = [n for n in named if not re.match(r"[a-z]+:|#", n)]
    files = [n.partition("#")[0] for n in local]
    return [n for n in files if not (folder / n).exists()]


def faults(path: Path) -> list[str]:
    """All that is wrong with how one notebook is made."""
    book = nbformat.read(path, as_version=4)
    found = [
        *check_execution(book),
        *check_metadata(book),
        *check_figures(book),
        *check_parts(book),
        *check_links(book, path),
    ]
    if is_chapter(path):
        record = evidence.load_record(RECORD)
        found += [*check_frame(book), *check_boxes(book)]
        found += [*check_exercises(book)]
        found += [*check_time(book, record, path.stem)]
    return found


# Running


def clean(book: NotebookNode) -> None:
    """Leave out what changes from run to run and what no page needs."""
    for cell in book.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET, None)
            if "metadata" in output:
                output.metadata = shown_size(output)
            if output.output_type == "error":  # its paths are this machine's
                output.traceback = [f"{output.ename}: {output.evalue}"]
    book.metadata.pop("widgets", None)
    book.metadata["language_info"] = {"name": "python"}


def execute(book: NotebookNode, folder: Path, **environment: str) -> None:
    """Run all cells in a fresh kernel and keep what they print."""
    client = NotebookClient(
        book,
        timeout=600,
        kernel_name="python3",
        coalesce_streams=True,
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env={**os.environ, **environment})


def complaint(book: NotebookNode, error: CellExecutionError) -> str:
    """Which cell failed, how it starts, and the error."""
    failed = 0
    for number, cell in enumerate(book.cells):
        kinds = [output.output_type for output in cell.get("outputs", [])]
        if "error" in kinds and not has_tag(cell, "raises-exception"):
            failed = number
    head = "\n".join(book.cells[failed].source.splitlines()[:3])
    return f"cell {failed} failed:\n{head}\n-> {error.ename}: {error.evalue}"


def run(path: Path) -> dict[str, int]:
    """Run a notebook and write it in place; what it took, {} if it failed."""
    book = nbformat.read(path, as_version=4)
    probe = nbformat.v4.new_code_cell(PEAK)
    book.cells.append(probe)
    start = time.perf_counter()
    try:
        execute(book, path.parent)
    except CellExecutionError as error:
        print(f"{path.stem}: {complaint(book, error)}", file=sys.stderr)
        return {}
    seconds = time.perf_counter() - start
    book.cells.remove(probe)
    clean(book)
    unfinished = path.with_suffix(".unfinished")
    nbformat.write(book, unfinished)
    os.replace(unfinished, path)
    peak = int(text_of(probe))
    print(f"{path.stem}: {seconds:.1f} s, peak memory {peak / 2**20:,.0f} MiB")
    return {"seconds": round(seconds), "peak_memory_bytes": peak}


def save_times(took: dict[str, dict[str, int]]) -> dict:
    """Keep what the notebooks took, as a record."""
    record = {
        "name": RECORD,
        "kind": "notebooks",
        **evidence.provenance(torch.device("cpu")),
        "threads": torch.get_num_threads(),
        "notebooks": took,
    }
    evidence.save_record(record)
    return record


def measured(record: dict, name: str, book: NotebookNode) -> str:
    """The paragraph that says what a notebook took."""
    took = record["notebooks"].get(name)
    if took is None:
        return "**Time and memory.** Not measured yet."
    spent = (
        f"**Time and memory.** {took['seconds']} seconds and "
        f"{took['peak_memory_bytes'] / 2**20:,.0f} MiB of memory"
    )
    where = (
        f"measured on {record['threads']} CPU cores on "
        f"{record['date'][:10]} ([](../records.md) has the machine)."
    )
    if any(has_tag(cell, "parameters") for cell in book.cells):
        spent += " in the small size"
        where += "\nOn a GPU: not measured yet."
    return f"{spent},\n{where}"


def tell_time(path: Path, record: dict) -> None:
    """Put what was measured into a chapter's opening."""
    book = nbformat.read(path, as_version=4)
    opening = next(cell for cell in book.cells if has_tag(cell, "opening"))
    parts = opening.source.split("\n\n")
    opening.source = "\n\n".join(
        measured(record, path.stem, book)
        if part.startswith("**Time and memory.**")
        else part
        for part in parts
    )
    nbformat.write(book, path)


def chosen(names: list[str]) -> list[Path]:
    """The notebooks of these names; all of them without names."""
    known = {path.stem: path for path in notebooks()}
    stems = [Path(name).stem for name in names] or list(known)
    unknown = [stem for stem in stems if stem not in known]
    if unknown:
        sys.exit(f"no notebook {unknown[0]}; there are: {', '.join(known)}")
    return [known[stem] for stem in stems]


def main() -> int:
    """Run or check; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=["run", "check"])
    parser.add_argument("name", nargs="*", help="a notebook; none: all")
    parser.add_argument(
        "--record", action="store_true", help="keep what all notebooks took"
    )
    arguments = parser.parse_args()
    if arguments.record and arguments.name:
        parser.error("--record is for all notebooks: name none")
    paths = chosen(arguments.name)
    if arguments.action == "run":
        took = {path.stem: run(path) for path in paths}
        if arguments.record and all(took.values()):
            record = save_times(took)
            for path in filter(is_chapter, paths):
                tell_time(path, record)
        return int(not all(took.values()))
    found = [f"{p.relative_to(ROOT)}: {f}" for p in paths for f in faults(p)]
    print("\n".join(found) if found else f"{len(paths)} notebooks, no faults")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
