"""The library stays small, and its modules do not tangle."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import ROOT

LIB = "alexnet_lib"
LIBRARY = ROOT / LIB
# Which module may import which; the others import nothing of ours
ARROWS = {
    "checkpoint": {"engine", "guards", "model"},
    "guards": {"model"},
    "model": {"init", "layers"},
    "data": {"downloads", "drawings", "photos"},
    "diagnose": {"checks", "instruments"},
    "downloads": {"drawings"},
    "paper": {"engine", "inference", "layers"},
}
# Used in the book, not taught in it: downloads, how records are kept, what
# refuses files, figures
NOT_TAUGHT = {"downloads", "evidence", "guards", "plots"}
MAY_PRINT = {"print_epoch", "in_band"}
MODULES = {path.stem: path for path in sorted(LIBRARY.glob("*.py"))}
DRAWINGS = {path.stem: path for path in LIBRARY.glob("drawings/*.py")}
every_module = pytest.mark.parametrize("name", sorted(MODULES))


def tree(source: str | Path) -> ast.Module:
    if isinstance(source, Path):
        source = source.read_text(encoding="utf-8")
    return ast.parse(source)


def imports(module: ast.Module) -> Iterator[tuple[str, str]]:
    """The package and the module of each import; ours is "alexnet_lib"."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = ["alexnet_lib"] * bool(node.level) + [node.module or ""]
            source = ".".join(filter(None, parts))
            names = [source]
            if source == "alexnet_lib":
                names = [f"{source}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            yield package, rest.partition(".")[0]


def ours(module: ast.Module) -> set[str]:
    return {name for package, name in imports(module) if package == LIB}


def star_imports(module: ast.Module) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom)
        and any(alias.name == "*" for alias in node.names)
    ]


def functions(module: ast.Module) -> list[ast.FunctionDef]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return [node for node in ast.walk(module) if isinstance(node, kinds)]


def calls_print(node: ast.AST) -> bool:
    return any(
        isinstance(part, ast.Call)
        and isinstance(part.func, ast.Name)
        and part.func.id == "print"
        for part in ast.walk(node)
    )


def printers(module: ast.Module) -> set[str]:
    """Top-level definitions that print; "" for the module itself."""
    return {
        getattr(statement, "name", "")
        for statement in module.body
        if calls_print(statement)
    }


def long_functions(module: ast.Module, most: int = 55) -> list[str]:
    return [
        node.name
        for node in functions(module)
        if node.end_lineno - node.lineno + 1 > most
    ]


@every_module
def test_a_module_imports_only_along_the_arrows(name: str):
    assert ours(tree(MODULES[name])) <= ARROWS.get(name, set())


@every_module
def test_the_library_knows_nothing_of_book_tests_and_tools(name: str):
    packages = {package for package, _ in imports(tree(MODULES[name]))}
    assert not packages & {"book", "tests", "tools", "scripts", "benchmarks"}


@pytest.mark.parametrize("modules", [MODULES, DRAWINGS])
def test_there_are_no_cycles(modules: dict[str, Path]):
    graph = {name: ours(tree(path)) for name, path in modules.items()}
    TopologicalSorter(graph).prepare()  # raises CycleError


@pytest.mark.parametrize("name", sorted(DRAWINGS))
def test_the_drawings_need_nothing_else_of_ours(name: str):
    assert ours(tree(DRAWINGS[name])) <= set(DRAWINGS)


@every_module
def test_nothing_is_imported_by_a_star(name: str):
    assert star_imports(tree(MODULES[name])) == []


@every_module
def test_few_functions_print(name: str):
    assert printers(tree(MODULES[name])) <= MAY_PRINT


@every_module
def test_no_function_is_longer_than_a_screen(name: str):
    assert long_functions(tree(MODULES[name])) == []


def lines(path: Path) -> int:
    """Lines with something on them: code, comments and docstrings."""
    text = path.read_text(encoding="utf-8")
    return sum(bool(line.strip()) for line in text.splitlines())


@every_module
def test_a_module_is_read_at_one_sitting(name: str):
    assert lines(MODULES[name]) <= 250


def test_what_is_taught_is_small():
    taught = set(MODULES) - NOT_TAUGHT
    assert sum(lines(MODULES[name]) for name in taught) <= 1820


def test_the_checks_see_what_they_are_for():
    module = tree(
        "import tools.look\n"
        "from . import data, model\n"
        "from .engine import fit\n"
        "from alexnet_lib.plots import *\n"
        "import alexnet_lib.evidence\n"
        "def quiet():\n    def inner():\n        print(1)\n"
        "print(2)\n"
        "def long():\n" + "    x = 1\n" * 55
    )
    assert ours(module) == {"data", "model", "engine", "plots", "evidence"}
    assert ("tools", "look") in imports(module)
    assert star_imports(module) == [4]
    assert printers(module) == {"quiet", ""}
    assert long_functions(module) == ["long"]
    assert long_functions(module, most=56) == []
