"""What all tests share: real data where it is, the time of each notebook."""

import importlib.util
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import ModuleType

import nbformat
import pytest
from filelock import FileLock
from PIL import Image
from xdist.scheduler import LoadFileScheduling

from tools.notebooks import execute
from tools.sync_taught import notebooks

ROOT = Path(__file__).resolve().parents[1]
every_notebook = pytest.mark.parametrize(
    "path", notebooks(), ids=lambda path: path.stem
)
LIMIT = float(os.environ.get("ALEXNET_NOTEBOOK_SECONDS", "90"))
MOST_MEMORY = float(os.environ.get("ALEXNET_TEST_MEMORY", "3e9"))

# Waiting threads sleep: on a busy machine, spinning costs ten times as much.
# Set here, before torch is imported; the notebooks' kernels inherit it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def load(path: str) -> ModuleType:
    """The module in a file of the project that no package holds."""
    source = ROOT / path
    spec = importlib.util.spec_from_file_location(source.stem, source)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Stopwatch:
    """Adds up the seconds of each notebook, its kernel's start included.

    A plugin of its own: hooks in this file see only tests in this folder.
    Where several processes share the tests, the first one hears of all. What
    else runs can only slow a notebook down, so one that took too long is
    timed again by itself.
    """

    def __init__(self) -> None:
        self.seconds = Counter()
        self.peaks = [peak_memory()]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        path = Path(report.nodeid.partition("::")[0])
        if path.suffix == ".ipynb":
            self.seconds[path] += report.duration

    def pytest_testnodedown(self, node: object) -> None:
        self.peaks.append(getattr(node, "workeroutput", {}).get("peak", 0))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.peaks.append(peak_memory())
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["peak"] = max(self.peaks)
        elif session.exitstatus == 0:
            for path, seconds in self.seconds.items():
                if seconds > LIMIT:
                    alone = seconds_alone(session.config.rootpath / path)
                    self.seconds[path] = min(seconds, alone)
            if self.complaints():
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def complaints(self) -> list[str]:
        """What is wrong with the run as a whole."""
        found = [
            f"{path.stem} took {seconds:.0f} s: more than {LIMIT:g}"
            for path, seconds in self.seconds.items()
            if seconds > LIMIT
        ]
        if max(self.peaks) > MOST_MEMORY:
            found.append(f"a process took {max(self.peaks) / 1e9:.1f} GB")
        return found


def seconds_alone(path: Path) -> float:
    """How long a notebook takes when no test runs beside it."""
    start = time.perf_counter()
    execute(nbformat.read(path, as_version=4), path.parent)
    return time.perf_counter() - start


def peak_memory() -> int:
    """The most bytes that this process took, or one that it started."""
    try:
        import resource
    except ImportError:  # Windows does not count it
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(one).ru_maxrss * unit for one in who)


class NotebooksInOneRow(LoadFileScheduling):
    """One process takes the notebooks, one after another.

    Two at a time take up to twice as long each.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "notebooks" if file.endswith(".ipynb") else file


def pytest_xdist_make_scheduler(
    config: pytest.Config, log: object
) -> NotebooksInOneRow:
    """Share the tests among processes, file by file."""
    return NotebooksInOneRow(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Start the stopwatch."""
    config.pluginmanager.register(Stopwatch(), "stopwatch")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the real data; without one, the test is skipped."""
    folder = os.environ.get("ALEXNET_DATA") or ROOT.parent / "shared" / "data"
    if not Path(folder).is_dir():
        pytest.skip("no real data: set ALEXNET_DATA to its folder")
    return Path(folder)


@pytest.fixture
def bad_photo(tmp_path: Path) -> Path:
    """A folder with flower_photos of two classes; one file is no photo."""
    folder = tmp_path / "flower_photos"
    for name in ("one", "two"):
        (folder / name).mkdir(parents=True)
        for i in range(30):
            color = (i, len(name), ord(name[0]))
            Image.new("RGB", (9, 9), color).save(folder / name / f"{i}.png")
    (folder / "one" / "bad.jpg").write_text("no image")
    return tmp_path


@pytest.fixture(scope="session")
def html(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Path:
    """The folder of the pages, built once, as `make book` builds them."""
    folder = tmp_path_factory.getbasetemp()
    if hasattr(pytestconfig, "workerinput"):
        folder = folder.parent  # the one that all processes share
    folder = folder / "book"
    html = folder / "_build" / "html"
    with FileLock(folder.with_suffix(".lock")):
        if not (html / "whole").exists():
            build_pages(folder)
            (html / "whole").touch()
    return html


def build_pages(folder: Path) -> None:
    """Build the book; its warnings are errors."""
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build"]
    options = ["-W", "-n", "--keep-going", "--all", "--path-output"]
    done = subprocess.run(
        [*command, str(ROOT / "book"), *options, str(folder)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how long each notebook took, and what was skipped and why."""
    stopwatch = config.pluginmanager.get_plugin("stopwatch")
    seconds = stopwatch.seconds
    if seconds:
        terminalreporter.section(f"seconds for each notebook ({LIMIT:g} max)")
        for path, taken in seconds.most_common():
            terminalreporter.write_line(f"{taken:6.1f}  {path.stem}")
        terminalreporter.write_line(f"{seconds.total():6.1f}  together")
    for complaint in stopwatch.complaints():
        terminalreporter.write_line(f"FAILED: {complaint}", red=True)
    skipped = terminalreporter.stats.get("skipped", [])
    # A skipped report ends with its reason
    reasons = Counter(
        report.longrepr[-1].removeprefix("Skipped: ") for report in skipped
    )
    terminalreporter.section(f"skipped: {len(skipped)}")
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count:6d}  {reason}")
