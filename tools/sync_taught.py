"""Copy library code into the notebook cells that teach it.

    python tools/sync_taught.py           brings every notebook up to date
    python tools/sync_taught.py --check   only reports; fails on a difference

A cell tagged "taught" starts with a comment that names its definitions,
`# alexnet_lib/engine.py: evaluate` (several: with ", " between them). The
rest of the cell is those definitions, to the letter. The cell tagged
"setup" is the same in all notebooks and is the first code cell of each.
"""

import argparse
import ast
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]

# Where a reader's notebook installs the library from, such as
# "git+https://github.com/OWNER/NAME"; tools/publish.py fills it in.
SOURCE = ""

SETUP = f'''\
# Finds alexnet_lib, the code of this book, or installs it
import importlib.metadata
import importlib.util
import subprocess
import sys

SOURCE = "{SOURCE}"
if importlib.util.find_spec("alexnet_lib") is None:
    if not SOURCE:
        raise ImportError(
            "alexnet_lib is not installed: run `make lab`, or run "
            "`pip install -e .` in the book's folder and restart the kernel"
        )
    # A PyTorch that is here stays: asked for it, pip does not replace it
    kept = [
        f"{{name}}=={{importlib.metadata.version(name)}}"
        for name in ("torch", "torchvision")
        if importlib.util.find_spec(name)
    ]
    command = [sys.executable, "-m", "pip", "install", "--quiet", SOURCE]
    done = subprocess.run([*command, *kept], capture_output=True, text=True)
    if done.returncode:
        raise ImportError(
            f"alexnet_lib could not be installed from {{SOURCE}}. Is there "
            f"a network connection? pip says:\\n{{done.stderr.strip()}}"
        )
    importlib.invalidate_caches()'''
SETUP_TAGS = ["setup", "hide-input"]


def notebooks() -> list[Path]:
    """All notebooks of the book, the introduction first."""
    chapters = sorted(ROOT.glob("book/notebooks/*.ipynb"))
    return sorted(ROOT.glob("book/*.ipynb")) + chapters


def has_tag(cell: NotebookNode, tag: str) -> bool:
    """Whether a cell carries a tag."""
    return tag in cell.metadata.get("tags", [])


def names_of(statement: ast.stmt) -> list[str]:
    """The names that a top-level statement defines."""
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    else:
        return [getattr(statement, "name", "")]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def definition(path: Path, name: str) -> str:
    """The source of a top-level definition, decorators included."""
    source = path.read_text(encoding="utf-8")
    for statement in ast.parse(source).body:
        if name in names_of(statement):
            decorators = getattr(statement, "decorator_list", [])
            first = min(node.lineno for node in [statement, *decorators])
            lines = source.splitlines()[first - 1 : statement.end_lineno]
            return "\n".join(lines)
    raise ValueError(f"{path} does not define {name}")


def taught_names(cell: NotebookNode) -> tuple[str, list[str]]:
    """The file and the definitions that a taught cell names."""
    first_line = cell.source.partition("\n")[0]
    path, colon, names = first_line.removeprefix("# ").partition(": ")
    if not colon or not (ROOT / path).is_file():
        raise ValueError(
            f"a taught cell starts with '# FILE: NAME, ...', not {first_line}"
        )
    return path, names.split(", ")


def wanted_source(cell: NotebookNode) -> str:
    """What a cell must contain; most cells, what they do contain."""
    if has_tag(cell, "setup"):
        return SETUP
    if not has_tag(cell, "taught"):
        return cell.source
    path, names = taught_names(cell)
    code = [definition(ROOT / path, name) for name in names]
    return f"# {path}: {', '.join(names)}\n" + "\n\n\n".join(code)


def with_setup(cells: list[NotebookNode]) -> list[NotebookNode]:
    """The cells, with a setup cell as the first code cell."""
    if any(has_tag(cell, "setup") for cell in cells):
        return cells
    setup = nbformat.v4.new_code_cell(metadata={"tags": list(SETUP_TAGS)})
    kinds = [cell.cell_type for cell in cells]
    where = kinds.index("code") if "code" in kinds else len(cells)
    return [*cells[:where], setup, *cells[where:]]


def sync(notebook: Path, check: bool = False) -> list[str]:
    """Bring one notebook up to date; the first lines of what differed."""
    book = nbformat.read(notebook, as_version=4)
    book.cells = with_setup(book.cells)
    stale = []
    for cell in book.cells:
        wanted = wanted_source(cell)
        if cell.source != wanted:
            stale.append(wanted.partition("\n")[0])
            cell.source = wanted
    if stale and not check:
        nbformat.write(book, notebook)
    return stale


def main() -> int:
    """Sync or check all notebooks; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="only report")
    check = parser.parse_args().check
    stale = [
        f"{notebook.name}: {line}"
        for notebook in notebooks()
        for line in sync(notebook, check)
    ]
    print("\n".join(stale) if stale else "all taught cells are up to date")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
