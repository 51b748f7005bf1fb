"""Run each notebook as on Colab: alone, its first cell installing the rest.

    python tools/setup_test.py                       both environments
    python tools/setup_test.py --env bare            one of them
    python tools/setup_test.py --only intro 01       some of the notebooks
    python tools/setup_test.py --folder build/setup  keep what is installed

Two fresh virtual environments are made, one after the other:

  torch   has what Colab has beforehand, in the oldest versions that
          requirements.txt allows: a Jupyter kernel, PyTorch, torchvision,
          NumPy, Pillow, Matplotlib, tqdm. No file of these may change.
  bare    has a Jupyter kernel. pip brings PyTorch and all else, with the
          first notebook; they stay for the others.

In each, every notebook runs in an empty folder, in its small size. Its first
cell installs alexnet_lib from a git repository of this project, made on the
local disk; after the notebook, alexnet_lib is removed again. Where PyTorch is
the version that `make test` runs, what the notebook prints must equal what is
stored in it; elsewhere it must run without an error.

It needs git, a network connection and 8 GB in the folder for temporary files
(TMPDIR names another). With other work on its two cores, a machine took seven
minutes to install an environment and one to five for a notebook.
"""

import argparse
import configparser
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import (
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)
from nbformat import NotebookNode

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tools.notebooks import complaint, is_exempt, text_of  # noqa: E402
from tools.prove import copy_project  # noqa: E402
from tools.publish import fill  # noqa: E402
from tools.sync_taught import ROOT, notebooks  # noqa: E402

ON_COLAB = ["torch", "torchvision", "numpy", "pillow", "matplotlib", "tqdm"]
KERNEL = "setup-test"


def oldest() -> list[str]:
    """What Colab has beforehand, in the oldest versions that we take."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    floors = dict(re.findall(r"(?m)^([a-z]+)>=([\d.]+)", text))
    return [f"{name}=={floors[name]}.*" for name in ON_COLAB]


ENVIRONMENTS = {"torch": oldest, "bare": list}


def run(*command: object, **options: object) -> str:
    """What a command prints; it must succeed."""
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, **options
    )
    if done.returncode:
        sys.exit(
            f"{' '.join(map(str, command))}\n{done.stderr or done.stdout}"
        )
    return done.stdout


def repository(folder: Path) -> Path:
    """A git repository of the project as it is now, for pip to clone."""
    copy_project(folder)
    fill(folder, f"git+{folder.as_uri()}")
    git = ["git", "-C", folder, "-c", "user.name=x", "-c", "user.email=x"]
    run(*git, "init", "--quiet")
    run(*git, "add", "--all")
    run(*git, "commit", "--quiet", "--message", "as it is now")
    return folder


# The environments


class Environment:
    """A virtual environment with a Jupyter kernel, and what came with it."""

    def __init__(self, folder: Path, requirements: list[str]):
        self.folder = folder
        self.python = folder / "bin" / "python"
        if not self.python.exists():
            run(sys.executable, "-m", "venv", folder)
            self.pip("install", "ipykernel", *requirements)
            options = ["--prefix", folder, "--name", KERNEL]
            run(self.python, "-m", "ipykernel", "install", *options)
        self.pip("uninstall", "--yes", "alexnet-lib")

    def pip(self, *arguments: str) -> None:
        """Give pip a command, in this environment."""
        run(self.python, "-m", "pip", "--quiet", *arguments)

    def packages(self) -> dict[str, tuple]:
        """Each package, with when and as what its files were installed."""
        records = self.folder.glob("lib/*/site-packages/*.dist-info/RECORD")
        return {
            record.parent.stem: (
                record.stat().st_mtime_ns,
                hashlib.sha256(record.read_bytes()).hexdigest(),
            )
            for record in records
        }

    def version(self, package: str) -> str:
        """The version of an installed package; "" without it."""
        for name in self.packages():
            if name.startswith(f"{package}-"):
                return name.removeprefix(f"{package}-")
        return ""


@contextmanager
def kernel_of(environment: Environment, cache: Path) -> Iterator[None]:
    """Let notebooks run in an environment, and only there."""
    before = dict(os.environ)
    for name in list(os.environ):
        if name.startswith(("ALEXNET_", "PYTHON")) or name == "VIRTUAL_ENV":
            del os.environ[name]
    os.environ["JUPYTER_PATH"] = str(environment.folder / "share" / "jupyter")
    os.environ["ALEXNET_CACHE"] = str(cache)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


# The notebooks


def printed(cell: NotebookNode) -> list[str]:
    """The lines that a cell printed, without what `make test` lets differ."""
    text = "" if is_exempt(cell) else text_of(cell)
    rules = configparser.RawConfigParser()
    rules.read(ROOT / "tests" / "nbval_sanitize.cfg")
    for name in rules.sections():
        text = re.sub(rules[name]["regex"], rules[name]["replace"], text)
    return text.splitlines()


def difference(stored: NotebookNode, book: NotebookNode) -> str:
    """The first line that a cell printed otherwise; "" if none did."""
    for number, cells in enumerate(zip(stored.cells, book.cells, strict=True)):
        for line, new in zip_longest(*map(printed, cells)):
            if line != new:
                return f"cell {number} prints {new!r}, not {line!r}"
    return ""


def execute(book: NotebookNode) -> None:
    """Run all cells of a notebook, from an empty folder."""
    with tempfile.TemporaryDirectory(prefix="empty-") as folder:
        NotebookClient(
            book,
            timeout=1800,  # the first cell may fetch gigabytes
            kernel_name=KERNEL,
            coalesce_streams=True,
            store_widget_state=False,
            resources={"metadata": {"path": folder}},
        ).execute(stderr=subprocess.DEVNULL)  # warnings of the kernel


def replaced(before: dict[str, tuple], after: dict[str, tuple]) -> list[str]:
    """What Colab has and is no longer as it was installed."""
    return [
        name
        for name in before
        if name.rpartition("-")[0] in ["ipykernel", *ON_COLAB]
        and after.get(name) != before[name]
    ]


def result_of(path: Path, environment: Environment) -> tuple[bool, str]:
    """Whether a notebook does as it should, and what came."""
    stored = nbformat.read(path, as_version=4)
    book = nbformat.read(path, as_version=4)
    before = environment.packages()
    try:
        execute(book)
    except CellExecutionError as error:
        return False, complaint(book, error)
    except (CellTimeoutError, DeadKernelError) as error:
        return False, str(error)
    after = environment.packages()
    if lost := replaced(before, after):
        return False, f"replaced: {', '.join(lost)}"
    if not environment.version("alexnet_lib"):
        return False, "alexnet_lib did not come from the first cell"
    new = [name for name in after if name not in before]
    brought = f"pip brought {len(new)}: {', '.join(sorted(new)[:4])}"
    if environment.version("torch") != version("torch"):
        return True, f"ran; {brought}"
    wrong = difference(stored, book)
    return not wrong, wrong or f"printed what is stored; {brought}"


def table(environment: Environment, chosen: list[Path]) -> bool:
    """Run notebooks, a line for each; whether all is well."""
    good = []
    for path in chosen:
        start = time.perf_counter()
        well, result = result_of(path, environment)
        seconds = time.perf_counter() - start
        mark = "" if well else "WRONG: "
        print(f"  {path.stem:28}{seconds:6.1f} s  {mark}{result}", flush=True)
        environment.pip("uninstall", "--yes", "alexnet-lib")
        good.append(well)
    return all(good)


def test(name: str, folder: Path, chosen: list[Path], keep: bool) -> bool:
    """Make an environment and run notebooks in it; whether all is well."""
    start = time.perf_counter()
    environment = Environment(folder / name, ENVIRONMENTS[name]())
    seconds = time.perf_counter() - start
    has = ", ".join(
        f"{package} {environment.version(package) or '(none)'}"
        for package in ON_COLAB
    )
    print(f"{name}: {has}; made in {seconds:.0f} s", flush=True)
    with kernel_of(environment, folder / "drawn"):
        good = table(environment, chosen)
    if not keep:  # room for the next one
        shutil.rmtree(environment.folder)
    return good


def main(argv: list[str] | None = None) -> int:
    """Test the set-up; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--env", choices=ENVIRONMENTS, help="only this environment")
    add("--only", nargs="+", default=[], metavar="WORD", help="in the name")
    add("--folder", type=Path, help="where; kept, and used again if there")
    args = parser.parse_args(argv)
    paths = [path.relative_to(ROOT) for path in notebooks()]
    if args.only:
        paths = [p for p in paths if any(w in p.stem for w in args.only)]
    if not paths:
        parser.error(f"no notebook has {' or '.join(args.only)} in its name")
    names = [args.env] if args.env else list(ENVIRONMENTS)
    with tempfile.TemporaryDirectory(prefix="setup-test-") as temporary:
        source = repository(Path(temporary, "project").resolve())
        folder = (args.folder or Path(temporary)).resolve()
        chosen = [source / path for path in paths]
        keep = bool(args.folder)
        good = all([test(name, folder, chosen, keep) for name in names])
    print("all is well" if good else "something is wrong: see above")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
