"""Each protection has a patch that takes it out, and a test that notices.

`make prove` applies the patches and runs the tests; here they are only looked
at, which takes no time.
"""

import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.test_posts import pages
from tools import prove

BREAKAGES = prove.breakages()


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda b: b.path.stem)
def test_a_patch_applies_and_names_its_test(breakage: prove.Breakage):
    assert prove.apply(breakage, ROOT, "--check")
    assert pages.source_of(breakage.test)
    assert breakage.promise.endswith(".") and len(breakage.promise) > 20


def test_every_promise_has_a_subject_on_the_page():
    files = [Path(b.test.partition("::")[0]).stem for b in BREAKAGES]
    subjects = [f for group in pages.SUBJECTS.values() for f in group]
    assert set(files) == set(subjects)


def test_no_promise_is_made_twice():
    promises = [breakage.promise for breakage in BREAKAGES]
    assert len(promises) == len(set(promises)) > 20


def fake(folder: Path, text: str) -> prove.Breakage:
    """A patch that changes "a text" in a file, which holds `text`."""
    (folder / "file.txt").write_text(text)
    (folder / "test_x.py").write_text("def test_y():\n    assert True\n")
    patch = folder / "x.patch"
    patch.write_text(
        "test: test_x.py::test_y\npromise: z\n\n--- a/file.txt\n"
        "+++ b/file.txt\n@@ -1 +1 @@\n-a text\n+no text\n"
    )
    return prove.Breakage(patch, "test_x.py::test_y", "z")


def test_a_patch_that_does_not_fit_is_reported(tmp_path, capfd):
    found = prove.verdict(fake(tmp_path, "other text\n"), tmp_path)
    assert found == "the patch no longer applies"


def test_a_test_that_does_not_notice_is_reported(tmp_path, capfd):
    found = prove.verdict(fake(tmp_path, "a text\n"), tmp_path)
    assert found == "the test still passes"
    assert (tmp_path / "file.txt").read_text() == "a text\n"


def test_a_test_that_cannot_run_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(prove, "apply", lambda *_: True)
    monkeypatch.setattr(prove, "run_tests", lambda *_: 4)
    breakage = prove.Breakage(tmp_path, "test_x.py::test_y", "z")
    assert prove.verdict(breakage, tmp_path) == "pytest ended 4"


def test_the_project_is_copied_as_it_is(tmp_path):
    prove.copy_project(tmp_path)
    same = (ROOT / "Makefile").read_bytes()
    assert (tmp_path / "Makefile").read_bytes() == same
    listed = subprocess.run(
        ["git", "ls-files", "alexnet_lib"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert listed and all((tmp_path / name).is_file() for name in listed)
