"""Each chapter runs in its full size, in miniature.

It runs from an empty folder, with only the built wheel of the library, on
the real data where it is at hand, else on drawn data laid out like it. What
it prints is not compared; an error fails.
"""

import contextlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell

from tests.conftest import ROOT, every_notebook
from tools.notebooks import complaint, execute
from tools.sync_taught import has_tag


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel of the library installs."""
    folder = tmp_path_factory.mktemp("wheel")
    # Built from a copy, since building leaves files beside the sources
    source = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(
        ROOT / "alexnet_lib", source / "alexnet_lib", ignore=ignored
    )
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, source)
    options = ["--no-deps", "--no-build-isolation", "--quiet"]
    command = [sys.executable, "-m", "pip", "wheel", str(source), *options]
    subprocess.run([*command, "-w", str(folder)], check=True)
    (built,) = folder.glob("*.whl")
    zipfile.ZipFile(built).extractall(folder / "installed")
    return folder / "installed"


@pytest.fixture(scope="session")
def data(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The real data, or the drawings, laid out as the real data sets are."""
    from alexnet_lib.drawings import fashion_folder, flowers_folder

    with contextlib.suppress(pytest.skip.Exception):
        return request.getfixturevalue("real_data")
    folder = tmp_path_factory.mktemp("data")
    fashion = fashion_folder() / "FashionMNIST"
    shutil.copytree(fashion, folder / "FashionMNIST")
    shutil.copytree(flowers_folder(), folder / "flower_photos")
    return folder


def miniature(book: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with its sizes made small, right where it sets them."""
    sizes = book.metadata.get("alexnet_miniature", {})
    source = "\n".join(f"{name} = {value!r}" for name, value in sizes.items())
    cells = []
    for cell in book.cells:
        if not has_tag(cell, "small-only"):
            cells.append(cell)
        if has_tag(cell, "parameters"):
            cells.append(new_code_cell(source))
    book.cells = cells
    return book


def run(path: Path, folder: Path, wheel: Path, data: Path) -> None:
    """Run a chapter in miniature, in an empty folder."""
    book = miniature(nbformat.read(path, as_version=4))
    book.cells.append(
        new_code_cell(
            "import alexnet_lib\n"
            f"assert alexnet_lib.__file__.startswith({str(wheel)!r})"
        )
    )
    try:
        execute(
            book,
            folder,
            ALEXNET_SIZE="full",
            ALEXNET_DATA=str(data),
            PYTHONPATH=str(wheel),
            OMP_NUM_THREADS="1",  # two chapters run at a time
        )
    except CellExecutionError as error:
        pytest.fail(complaint(book, error))


@pytest.fixture(scope="session")
def started(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    wheel: Path,
    data: Path,
) -> Iterator[dict[Path, Future]]:
    """All chapters that this test run asks for, on their way two at a time."""
    runs = {}
    with ThreadPoolExecutor(max_workers=2) as pool:
        for item in request.session.items:
            if getattr(item, "originalname", "") == "test_the_full_size_runs":
                path = item.callspec.params["path"]
                empty = tmp_path_factory.mktemp(path.stem)
                runs[path] = pool.submit(run, path, empty, wheel, data)
        yield runs


@every_notebook
def test_the_full_size_runs(path: Path, started: dict[Path, Future]):
    started[path].result()


@every_notebook
def test_the_sizes_that_are_made_small_are_parameters(path: Path):
    book = nbformat.read(path, as_version=4)
    cells = [cell for cell in book.cells if has_tag(cell, "parameters")]
    text = "\n".join(cell.source for cell in cells)
    sizes = book.metadata.get("alexnet_miniature", {})
    assert [name for name in sizes if name not in text] == []


def test_the_wheel_holds_code_records_and_a_network(wheel: Path):
    kept = {path.name for path in wheel.glob("alexnet_lib/**/*.*")}
    for pattern in ("*.py", "records/*.json", "trained/*.pt"):
        for path in (ROOT / "alexnet_lib").glob(pattern):
            assert path.name in kept


def test_a_fault_in_the_full_branch_is_found(tmp_path: Path, wheel: Path):
    path = tmp_path / "chapter.ipynb"
    cells = [
        new_code_cell("images = 6000", metadata={"tags": ["parameters"]}),
        new_code_cell("1 / 0", metadata={"tags": ["small-only"]}),
        new_code_cell(
            "import os\n"
            "assert images == 2\n"
            "assert os.environ['ALEXNET_SIZE'] == 'full'\n"
            "assert not os.listdir()\n"
            "raise OSError('the full branch')"
        ),
    ]
    book = nbformat.v4.new_notebook(cells=cells)
    book.metadata["alexnet_miniature"] = {"images": 2}
    nbformat.write(book, path)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(pytest.fail.Exception, match="the full branch"):
        run(path, empty, wheel, tmp_path)
