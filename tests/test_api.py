"""Every public name of the library is taught, or there is a reason."""

import ast

import pytest

from tests.conftest import ROOT
from tests.test_arrows import MODULES, NOT_TAUGHT
from tests.test_posts import pages

API = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
# Not taught word for word, and why
REASONS = {
    "data.check_labels": "two conditions and what they say",
    "data.drawn_fashion": "two lines around the drawings",
    "data.fashion_mnist": "finds files; read_idx, which reads them, is taught",
}


def public() -> list[str]:
    """All public functions and classes of the modules that are taught."""
    names = []
    for module, path in MODULES.items():
        if module in NOT_TAUGHT:
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            kinds = ast.FunctionDef | ast.ClassDef
            if isinstance(node, kinds) and not node.name.startswith("_"):
                names.append(f"{module}.{node.name}")
    return names


@pytest.mark.parametrize("name", public())
def test_a_public_name_is_taught_or_there_is_a_reason(name: str):
    taught = name in pages.taught()
    assert taught != (name in REASONS or name in pages.LATER)


def test_no_reason_is_left_over():
    assert set(REASONS) <= set(public())


@pytest.mark.parametrize("module", [m for m in MODULES if m != "__init__"])
def test_the_page_lists_every_module(module: str):
    assert f".. automodule:: alexnet_lib.{module}\n" in API
