"""Pages that are made when the book is built, not written.

`records.md` from the measured runs, `promises.md` from the tests that hold
them, `common_errors.md` from the files in `errors`, `from_the_posts.md` from
`posts.toml`, `api.md` from the docstrings of the library, by Sphinx's
autodoc.
"""

import ast
import json
import re
import sys
import textwrap
import tomllib
from functools import cache
from pathlib import Path
from statistics import mean, stdev

import nbformat
from nbformat import NotebookNode
from sphinx.application import Sphinx

BOOK = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(BOOK.parent))  # for autodoc too: alexnet_lib
from tests.faults import FAMILIES  # noqa: E402
from tools.prove import breakages  # noqa: E402
from tools.sync_taught import has_tag, notebooks, taught_names  # noqa: E402

# What the chapter on the paper, its source and torchvision will teach
LATER = {
    "init.init_paper",
    "init.init_2012",
    "layers.WithinMapNorm",
    "model.alexnet_paper",
    "model.alexnet_2012",
    "model.alexnet_torchvision",
}
# What is promised about, and the test files that hold it
SUBJECTS = {
    "Runs": ("test_scripts",),
    "Checkpoints": ("test_checkpoint", "test_faults_checkpoints"),
    "Photos": ("test_faults_images",),
    "Downloads": ("test_faults_downloads",),
    "Data and numbers": ("test_data", "test_engine", "test_numbers"),
}
MOST_KINDS = 40
MARK = re.compile(r"<!-- made: (\w+) -->")


@cache
def code_of_pages() -> dict[str, list[NotebookNode]]:
    """The code cells of each page, read once, in the order of the book."""
    return {
        path.relative_to(BOOK).with_suffix("").as_posix(): [
            cell
            for cell in nbformat.read(path, as_version=4).cells
            if cell.cell_type == "code" and not has_tag(cell, "setup")
        ]
        for path in notebooks()
    }


def taught() -> dict[str, str]:
    """Which page teaches what: "engine.fit" -> "notebooks/04_..."."""
    pages = {}
    for page, cells in code_of_pages().items():
        for cell in cells:
            if has_tag(cell, "taught"):
                path, names = taught_names(cell)
                module = Path(path).stem
                pages |= {f"{module}.{name}": page for name in names}
    return pages


def used(name: str) -> str:
    """The first page whose code uses a name; "" if none does."""
    for page, cells in code_of_pages().items():
        if any(re.search(rf"\b{name}\b", cell.source) for cell in cells):
            return page
    return ""


def link_to_chapter(
    app: Sphinx, what: str, name: str, obj: object, options: dict, lines: list
) -> None:
    """End the docstring with the chapter that teaches it, or uses it."""
    if what not in ("class", "function", "exception"):
        return
    name = name.removeprefix("alexnet_lib.")
    if page := app.taught_in.get(name):
        lines += ["", f"Taught in :doc:`/{page}`.", ""]
    elif page := used(name.rpartition(".")[2]):
        lines += ["", f"Used in :doc:`/{page}`.", ""]
    elif name in LATER:
        lines += ["", "For a later chapter.", ""]


def skip_fields(
    app: Sphinx, what: str, name: str, obj: object, skip: bool, options: dict
) -> bool | None:
    """Leave out the fields of named tuples, which the signature shows."""
    doc = getattr(obj, "__doc__", None) or ""
    return True if doc.startswith("Alias for field") else None


def plain_signature(
    app: Sphinx,
    what: str,
    name: str,
    obj: object,
    options: dict,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Signatures without autodoc's own marks."""

    def plainly(text: str | None) -> str | None:
        short = re.sub(r"~(?:\w+\.)*(\w+)", r"\1", text or "")
        return short.replace(" = <factory>", "") or None

    return plainly(signature), plainly(returns)


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def records() -> list[dict]:
    """All that was measured, by name: runs, effects, benchmarks, faults."""
    folder = BOOK.parent / "alexnet_lib" / "records"
    return [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.json"))
    ]


def tested(run: dict) -> str:
    accuracy, error = run["test_accuracy"], run["test_standard_error"]
    return f"{accuracy:.4f}\u00a0±\u00a0{error:.4f}"


def threads(run: dict) -> str:
    return "1 thread" if run["threads"] == 1 else f"{run['threads']} threads"


def about_a_record(run: dict) -> list[str]:
    """What was run, where, when and with what."""
    card, data, versions = run["card"], run["data"], run["versions"]
    best = run["history"][run["best_epoch"] - 1]
    images = ", ".join(f"{data[s]:,} {s}" for s in ("train", "val", "test"))
    libraries = ", ".join(f"{k} {v}" for k, v in versions.items())
    rows = {
        "network": f"`{card['arch']}`, learning rate {card['lr']:g}, "
        f"{card['precision']}",
        "data": f"{data['name']}: {images} images, "
        f"checksum `{data['checksum'][:16]}`",
        "seed": str(run["seed"]),
        "epochs": f"{len(run['history'])}; the best on val was "
        f"{run['best_epoch']} with {best['val_accuracy']:.4f}",
        "test accuracy": f"{tested(run)} (one standard error), with the "
        "network of the best epoch",
        "device": f"{run['device']}, {threads(run)}, of which "
        f"the run got {run['cpu_per_wall_second']:.2f}",
        "speed": f"{run['images_per_second']:,.1f} images a second, "
        f"{run['seconds_per_epoch']:,.1f} seconds an epoch",
        "peak memory": f"{run['peak_memory_bytes'] / 1e9:.2f} GB",
        "versions": libraries,
        "date": run["date"],
        "commit": f"`{run['commit'][:12]}`",
    }
    command = ["```", run["command"].replace(" --", " \\\n  --"), "```"]
    lines = table(["what", "value"], [[k, v] for k, v in rows.items()])
    return [f"## {run['name']}", "", *command, "", *lines, ""]


def about_a_benchmark(run: dict) -> list[str]:
    """What was compared on which machine, and what came out."""
    first = run["first"]
    versions = ", ".join(f"{k} {v}" for k, v in run["versions"].items())
    about = {
        "device": f"{run['device']}, {threads(run)}",
        "matrix products": f"{first['fp32'] / 1e9:,.0f} GFLOP/s in fp32, "
        f"{first['bf16'] / 1e9:,.0f} in bf16; measured again at the end, "
        f"they were up to {run['drift']:.1%} apart",
        "data": run["data"],
        "versions": versions,
        "date": run["date"],
        "commit": f"`{run['commit'][:12]}`",
    }
    ratios = [
        [
            ratio["group"],
            ratio["of"],
            ratio["against"],
            f"{ratio['median']:.2f} "
            f"({ratio['lowest']:.2f} to {ratio['highest']:.2f})",
        ]
        for ratio in run["ratios"]
    ]
    head = ["what", "of", "against", "times as fast (lowest to highest round)"]
    return [
        f"## {run['name']}",
        "",
        *["```", run["command"], "```"],
        *table(["what", "value"], [[k, v] for k, v in about.items()]),
        "",
        *(table(head, ratios) if ratios else growth_table(run["growth"])),
        "",
    ]


def growth_table(growth: dict[str, list[dict]]) -> list[str]:
    """What a step or an epoch costs when one thing about it grows."""
    rows = [
        [
            what,
            f"{of[what]:,}",
            f"{of['flop'] / 1e9:,.1f}",
            f"{of['seconds']:.2f}",
            f"{of['memory_bytes'] / 2**20:,.0f}",
        ]
        for what, sizes in growth.items()
        for of in sizes
    ]
    head = ["what grows", "to", "GFLOP", "seconds", "MiB of memory"]
    about = (
        "The seconds of one step, or of an epoch where its number of images "
        "grows:"
    )
    return [about, "", *table(head, rows)]


def mean_and_spread(rows: list[dict], name: str) -> str:
    """Mean and standard deviation over the seeds; empty where not measured."""
    values = [row[name] for row in rows if row.get(name) is not None]
    if len(values) < 2:
        return "".join(f"{value:.3f}" for value in values)
    return f"{mean(values):.3f}\u00a0±\u00a0{stdev(values):.3f}"


def about_seeds(run: dict) -> list[str]:
    """What was changed in a small run, and what came out over the seeds."""
    data, versions = run["data"], run["versions"]
    images = ", ".join(f"{data[s]:,} {s}" for s in ("train", "val", "test"))
    about = {
        "data": f"{data['name']}: {images} images, "
        f"checksum `{data['checksum'][:16]}`",
        **{k.replace("_", " "): str(v) for k, v in run["settings"].items()},
        "device": f"{run['device']}, {threads(run)} a run",
        "versions": ", ".join(f"{k} {v}" for k, v in versions.items()),
        "date": run["date"],
        "commit": f"`{run['commit'][:12]}`",
    }
    names = ("train_loss", "val_accuracy", "test_accuracy")
    values = {
        variant: {name: mean_and_spread(seeds, name) for name in names}
        for variant, seeds in run["runs"].items()
    }
    measured = [n for n in names if any(of[n] for of in values.values())]
    rows = [
        [
            f"`{variant}`",
            *(of[n] for n in measured),
            str(len(run["runs"][variant])),
        ]
        for variant, of in values.items()
        if any(of.values())  # of others the record holds counts and times
    ]
    words = [name.replace("_", " ") for name in measured]
    head = ["variant", *words, "seeds"]
    return [
        f"## {run['name']}",
        "",
        *["```", run["command"], "```"],
        *table(["what", "value"], [[k, v] for k, v in about.items()]),
        "",
        "Mean and standard deviation over the seeds, or one seed's number; "
        "empty where it was not measured:",
        "",
        *table(head, rows),
        "",
    ]


def records_page() -> list[str]:
    """One table of all runs; then each on its own, and each benchmark.

    A run of an ablation is one of many that differ in little: its row is
    enough.
    """
    all_of_them = records()
    runs = [run for run in all_of_them if "history" in run]
    lines, each = [], []
    for run in runs:
        name = run["name"]
        if name.startswith("ablation-"):
            shown = name
        else:
            shown = f"[{name}](#{name})"
            each += about_a_record(run)
        network, data = f"`{run['card']['arch']}`", run["data"]["name"]
        date = f"<time>{run['date']}</time>"
        lines.append([shown, network, data, tested(run), date])
    for run in all_of_them:
        if run.get("kind") == "benchmark":
            each += about_a_benchmark(run)
        if run.get("kind") == "seeds":
            each += about_seeds(run)
        if run.get("kind") == "notebooks":
            each += notebooks_table(run)
    head = ["record", "network", "data", "test ± standard error", "date"]
    return [*table(head, lines), "", *each]


def posts() -> dict:
    """What the two posts teach and claim, and where the book has it."""
    return tomllib.loads((BOOK / "posts.toml").read_text(encoding="utf-8"))


def anchor(heading: str) -> str:
    """The address of a heading within its page, as GitHub makes it."""
    plain = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return plain.strip().replace(" ", "-")


def plain(text: str) -> str:
    """Text for a table: what Markdown would take for marks is escaped."""
    marks = r"(`[^`]*`)|([\\_*|<\[\]])"
    return re.sub(marks, lambda m: m[1] or "\\" + m[2], text)


def link(place: dict) -> str:
    """A link to the section that teaches a row."""
    number = place["chapter"].partition("_")[0]
    text = plain(place["section"])
    prefix = f"{number} " if number.isdigit() else "Python: "
    target = f"notebooks/{place['chapter']}.ipynb#{anchor(place['section'])}"
    return f"[{prefix}{text}]({target})"


def snippet(token: str) -> str:
    """A piece of code; dots say that it goes on."""
    goes_on = token.endswith("=") or any(
        token.count(a) > token.count(b) for a, b in ("()", "[]")
    )
    return f"`{token}`" + "\u00a0…" * goes_on


def rows_of_a_post(rows: dict, post: str) -> list[str]:
    lines = []
    for name, row in rows.items():
        if name.startswith(post):
            places = "<br>".join(
                f"{link(place)} {snippet(place['token'])}"
                for place in row["places"]
            )
            lines.append([name, plain(row["what"]), places])
    return table(["row", "what the post teaches", "where, and how"], lines)


def posts_page() -> list[str]:
    """A table for each post, then what is wrong or out of date in them."""
    content = posts()
    lines = []
    for post, title in (("P1", "The garments"), ("P2", "The flowers")):
        lines += [f"## {title}", "", *rows_of_a_post(content["rows"], post)]
        lines += [""]
    claims = [
        [
            name,
            plain(claim["says"]),
            plain(claim["holds"]),
            link(claim) if "section" in claim else "",
        ]
        for name, claim in content["claims"].items()
    ]
    head = ["claim", "what is said or done", "what holds", "shown in"]
    return [*lines, "## What holds today", "", *table(head, claims), ""]


def source_of(test: str) -> str:
    """The code of a test, from "tests/test_x.py::test_y[z]"."""
    path, _, name = test.partition("::")
    text = (BOOK.parent / path).read_text(encoding="utf-8")
    for node in ast.parse(text).body:
        if getattr(node, "name", "") == name.partition("[")[0]:
            first = min(
                [node.lineno, *(d.lineno for d in node.decorator_list)]
            )
            lines = text.splitlines()[first - 1 : node.end_lineno]
            return "\n".join(lines)
    raise ValueError(f"there is no test {test}")


def function_of(test: str) -> str:
    """The test without the case: "tests/test_x.py::test_y"."""
    return test.partition("[")[0]


def label(test: str) -> str:
    name = function_of(test).partition("::")[2]
    return "promise-" + name.replace("_", "-")


def words_of(test: str) -> str:
    """The name of a test as a sentence."""
    name = function_of(test).partition("::")[2].removeprefix("test_")
    return plain(name.replace("_", " "))


def tested_by(test: str) -> str:
    return f"[{words_of(test)}](#{label(test)})"


def faults_table() -> list[str]:
    """The families of faults, as the record of the last full run counts."""
    lines = []
    for run in (r for r in records() if r.get("kind") == "faults"):
        rows = [
            [
                plain(family["promise"]),
                tested_by(f"tests/{FAMILIES[family['name']]}"),
                *(f"{family[key]:,}" for key in ("tried", "lost")),
            ]
            for family in run["families"]
        ]
        head = ["promise", "test", "tried", "lost"]
        lines += [*table(head, rows), ""]
        lines += [
            f"Recorded on {run['date']} by `{run['command']}`, seed "
            f"{run['seed']}, at commit `{run['commit'][:12]}`, on "
            f"{run['device']}. The kinds of faults, a number standing as N:",
            "",
        ]
        for family in run["families"]:
            kinds = sorted(family["kinds"].items(), key=lambda kind: -kind[1])
            shown = [f"- {plain(kind)}: {count:,}" for kind, count in kinds]
            if len(shown) > MOST_KINDS:
                rest = len(shown) - MOST_KINDS
                shown[MOST_KINDS:] = [f"- and {rest:,} kinds more"]
            lines += [
                f":::{{admonition}} {family['name']}: {family['tried']:,} "
                f"tried in {family['seconds']:.0f} seconds",
                ":class: dropdown",
                *shown,
                ":::",
                "",
            ]
    return lines


def protections_tables(cases: dict[str, int]) -> list[str]:
    """The promises by subject, each with its test and the cases it tries."""
    lines = []
    for subject, files in SUBJECTS.items():
        rows = [
            [
                plain(b.promise),
                tested_by(b.test),
                str(cases.get(function_of(b.test), "")),
            ]
            for b in breakages()
            if Path(b.test.partition("::")[0]).stem in files
        ]
        head = ["promise", "test", "cases"]
        lines += [f"### {subject}", "", *table(head, rows), ""]
    return lines


def broken_by(patch: Path) -> list[str]:
    """What a patch changes, as far to the left as it goes."""
    text = patch.read_text(encoding="utf-8")
    file = re.search(r"^\+\+\+ b/(.+)$", text, re.MULTILINE)
    lines = text[file.end() :].strip().splitlines()
    code = ["" if line.startswith("@") else line[1:] for line in lines]
    code = textwrap.dedent("\n".join(code)).split("\n")
    changes = [
        line if line.startswith("@") else line[:1] + rest
        for line, rest in zip(lines, code, strict=True)
    ]
    return [
        f"It fails with `{patch.name}`, a change of `{file[1]}`:",
        "",
        *("```diff", *changes, "```"),
    ]


def promises_page() -> list[str]:
    """The families of faults; each protection; the tests that hold them."""
    counted = [r["cases"] for r in records() if r.get("kind") == "faults"]
    lines = ["## Many faults, counted", "", *faults_table()]
    lines += ["## Protections, taken out one by one", ""]
    lines += [
        f"The {len(breakages())} protections of the code, each with the test "
        "that fails when `make prove` takes it out, and in how many cases the "
        "test tries it:",
        "",
        *protections_tables(counted[-1] if counted else {}),
        "## The tests themselves",
        "",
        "Each test stands here as it is, followed by the changes with which "
        "it must fail: a line that begins with `-` is taken out of the code, "
        "one that begins with `+` is put in; the changes stand in "
        "`tests/breakages`. What a test uses without showing it is defined or "
        "imported at the top of its file, stands in `tests/conftest.py` or "
        "comes with pytest.",
        "",
    ]
    tests = [f"tests/{test}" for test in FAMILIES.values()]
    tests += [function_of(b.test) for b in breakages()]
    for test in dict.fromkeys(tests):
        file = test.partition("::")[0]
        lines += [f"({label(test)})=", f"::::{{admonition}} {words_of(test)}"]
        lines += [":class: dropdown", f"In `{file}`:", ""]
        lines += ["```python", source_of(test), "```"]
        for b in breakages():
            if function_of(b.test) == test:
                lines += ["", *broken_by(b.path)]
        lines += ["::::", ""]
    return lines


def title_of(page: str) -> str:
    """The title of a notebook, with the number that its pages show."""
    book = nbformat.read(BOOK / f"{page}.ipynb", as_version=4)
    title = re.search(r"^# (.+)$", book.cells[0].source, re.MULTILINE)[1]
    number = re.match(r"\d\d", Path(page).name)
    return f"{number[0]} {title}" if number else title


def errors_page() -> list[str]:
    """Each message that a chapter explains, and what to do."""
    lines = []
    for path in sorted((BOOK / "errors").glob("*.toml")):
        errors = tomllib.loads(path.read_text(encoding="utf-8"))["error"]
        page = f"notebooks/{path.stem}"
        lines += [
            "",
            f"## {title_of(page)}",
            "",
            f"Explained in [](/{page}.ipynb).",
            "",
        ]
        for error in errors:
            lines += ["```text", error["message"], "```", error["means"], ""]
    return lines


def notebooks_table(record: dict) -> list[str]:
    """What each notebook took, and on which machine."""
    versions = ", ".join(f"{k} {v}" for k, v in record["versions"].items())
    rows = [
        [
            f"[{name}](notebooks/{name}.ipynb)"
            if (BOOK / "notebooks" / f"{name}.ipynb").exists()
            else f"[{name}]({name}.ipynb)",
            str(took["seconds"]),
            f"{took['peak_memory_bytes'] / 2**20:,.0f}",
        ]
        for name, took in record["notebooks"].items()
    ]
    return [
        f"## {record['name']}",
        "",
        *["```", record["command"], "```"],
        f"Every notebook in its small size, one after another, on "
        f"{record['device']}, {record['threads']} cores; {versions}; "
        f"{record['date']}, at commit `{record['commit'][:12]}`.",
        "",
        *table(["notebook", "seconds", "MiB of memory"], rows),
        "",
    ]


MAKERS = {
    "errors": errors_page,
    "promises": promises_page,
    "records": records_page,
    "posts": posts_page,
}


def fill(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put what is made in place of its mark."""
    match = MARK.search(source[0])
    if match:
        made = "\n".join(MAKERS[match[1]]())
        source[0] = source[0].replace(match[0], made)


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the pages while Sphinx reads them."""
    app.taught_in = taught()
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("source-read", fill)
    app.connect("autodoc-process-docstring", link_to_chapter)
    app.connect("autodoc-process-signature", plain_signature)
    app.connect("autodoc-skip-member", skip_fields)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
