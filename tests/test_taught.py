"""What a chapter teaches is what the library runs."""

from collections import Counter
from pathlib import Path

import nbformat
import pytest

from tests.conftest import every_notebook
from tools.sync_taught import (
    SETUP,
    definition,
    has_tag,
    notebooks,
    sync,
    taught_names,
)


@every_notebook
def test_taught_cells_equal_the_library(path: Path):
    assert sync(path, check=True) == []


@every_notebook
def test_the_setup_cell_is_the_first_code_cell(path: Path):
    cells = nbformat.read(path, as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert [has_tag(cell, "setup") for cell in code].index(True) == 0
    assert sum(has_tag(cell, "setup") for cell in code) == 1


def test_a_definition_is_taught_once():
    taught = Counter(
        (file, name)
        for path in notebooks()
        for cell in nbformat.read(path, as_version=4).cells
        if has_tag(cell, "taught")
        for file, name in [
            (taught_names(cell)[0], name) for name in taught_names(cell)[1]
        ]
    )
    assert [name for name, times in taught.items() if times > 1] == []


def test_any_difference_is_seen_and_mended(tmp_path: Path):
    source = "# alexnet_lib/model.py: AlexNet"
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": ["taught"]})
    path = tmp_path / "chapter.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)

    assert sync(path) == [SETUP.partition("\n")[0], source]
    assert sync(path) == []

    book = nbformat.read(path, as_version=4)
    assert "class AlexNet(" in book.cells[1].source
    book.cells[1].source += " "
    nbformat.write(book, path)
    assert sync(path, check=True) == [source]


def test_a_definition_is_copied_to_the_letter(tmp_path: Path):
    module = tmp_path / "module.py"
    kept = {
        "SIDES: list[int] = [\n    54,  # after conv1\n]": "SIDES",
        "NAME = 'a'": "NAME",
        "@cache\ndef area(side):\n    # why\n    return side": "area",
        "class Box:\n    pass": "Box",
    }
    module.write_text("import os\n\n\n" + "\n\n\n".join(kept) + "\n")
    assert {definition(module, name): name for name in kept.values()} == kept
    with pytest.raises(ValueError, match="does not define Missing"):
        definition(module, "Missing")
