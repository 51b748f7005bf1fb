"""What all tests share: real data where it is, the time of each notebook."""

import os
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIMIT = float(os.environ.get("ALEXNET_NOTEBOOK_SECONDS", "90"))
SECONDS = pytest.StashKey[Counter]()

# Waiting threads sleep: on a busy machine, spinning costs ten times as much.
# Set here, before torch is imported; the notebooks' kernels inherit it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the real data; without one, the test is skipped."""
    folder = os.environ.get("ALEXNET_DATA") or ROOT.parent / "shared" / "data"
    if not Path(folder).is_dir():
        pytest.skip("no real data: set ALEXNET_DATA to its folder")
    return Path(folder)


@pytest.fixture
def notebook_seconds(request: pytest.FixtureRequest) -> Counter:
    """Seconds that each notebook took in this run."""
    return request.config.stash[SECONDS]


def pytest_configure(config: pytest.Config) -> None:
    """Start counting."""
    config.stash[SECONDS] = Counter()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what judges the whole run at its end."""
    items.sort(key=lambda item: item.get_closest_marker("at_end") is not None)


def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo
) -> None:
    """Add up the cells of each notebook, its kernel's start included."""
    path, _, cell = item.nodeid.partition(".ipynb::")
    if cell:
        item.config.stash[SECONDS][path] += call.duration


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how long each notebook took, and what was skipped and why."""
    seconds = config.stash[SECONDS]
    if seconds:
        terminalreporter.section(f"seconds for each notebook ({LIMIT:g} max)")
        for path, taken in seconds.most_common():
            terminalreporter.write_line(f"{taken:6.1f}  {path}")
        terminalreporter.write_line(f"{seconds.total():6.1f}  together")
    skipped = terminalreporter.stats.get("skipped", [])
    # A skipped report ends with its reason
    reasons = Counter(
        report.longrepr[-1].removeprefix("Skipped: ") for report in skipped
    )
    terminalreporter.section(f"skipped: {len(skipped)}")
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count:6d}  {reason}")
