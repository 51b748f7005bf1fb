"""Take each protection out, and see that a test notices.

    python tools/prove.py            all patches in tests/breakages
    python tools/prove.py fsync      those whose names hold a word

Each patch begins with two lines, `test:` and `promise:`. It is applied to a
copy of the project; there the test must fail, which must pass without it.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
BREAKAGES = ROOT / "tests" / "breakages"


class Breakage(NamedTuple):
    """A protection that is taken out, and the test that must notice."""

    path: Path
    test: str
    promise: str


def breakages() -> list[Breakage]:
    """All patches, in the order of their names."""
    found = []
    for path in sorted(BREAKAGES.glob("*.patch")):
        lines = path.read_text(encoding="utf-8").splitlines()
        head = dict(line.split(": ", 1) for line in lines[:2])
        found.append(Breakage(path, head["test"], head["promise"]))
    return found


def apply(breakage: Breakage, folder: Path, *options: str) -> bool:
    """Apply a patch in `folder`; whether it fitted."""
    command = ["git", "apply", "-p1", *options, str(breakage.path)]
    return subprocess.run(command, cwd=folder).returncode == 0


def copy_project(folder: Path) -> None:
    """The files of the project as they are now, without what is ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def run_tests(folder: Path, *tests: str) -> int:
    """pytest's exit code: 0 passed, 1 failed, else something is wrong."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", *tests],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
    ).returncode


def verdict(breakage: Breakage, folder: Path) -> str:
    """What happened with the protection taken out; "" if the test failed."""
    if not apply(breakage, folder):
        return "the patch no longer applies"
    code = run_tests(folder, breakage.test)
    if not apply(breakage, folder, "-R"):
        return "the patch does not come off again"
    return {1: "", 0: "the test still passes"}.get(
        code, f"pytest ended {code}"
    )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="*", help="parts of names of patches")
    args = parser.parse_args(argv)
    chosen = [
        b
        for b in breakages()
        if not args.words or any(word in b.path.stem for word in args.words)
    ]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="prove-") as name:
        folder = Path(name)
        copy_project(folder)
        tests = sorted({breakage.test for breakage in chosen})
        if not tests or run_tests(folder, *tests) != 0:
            print("without any patch, the named tests do not all pass")
            return 1
        for number, breakage in enumerate(chosen, start=1):
            start = time.perf_counter()
            wrong = verdict(breakage, folder)
            failed += bool(wrong)
            print(
                f"{number:3}/{len(chosen)} {breakage.path.stem:28}"
                f"{time.perf_counter() - start:5.1f} s  "
                + (f"WRONG: {wrong}" if wrong else "noticed by its test"),
                flush=True,
            )
    print(f"{len(chosen) - failed} of {len(chosen)} protections are proved")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
