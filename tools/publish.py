"""Prepare this copy of the book for GitHub Pages and Colab; or take it back.

    python tools/publish.py acme/alexnet-book    prepare it for that repository
    python tools/publish.py --check              what is prepared, what is not
    python tools/publish.py --undo               take all of it back

It writes where Colab installs alexnet_lib from into the first cell of every
notebook, and a workflow that builds the pages on GitHub. It commits nothing,
pushes nothing and leaves your remotes as they are: it ends with the commands
that do. It needs no more than Python and git.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORKFLOW = Path(".github", "workflows", "book.yml")
GITHUB = "git+https://github.com/"
OWNER = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}")
REPOSITORY = re.compile(r"(?!\.{1,2}$)(?!.*\.git$)[A-Za-z0-9._-]{1,100}")
# SOURCE = "..." in code, and as it stands in the JSON of a notebook
IN_CODE = re.compile(r'(?m)^(SOURCE = ")([^"\\{}\n]*)("\r?)$')
IN_NOTEBOOK = re.compile(r'(?m)^( *"SOURCE = \\")([^"\\\n]*)(\\"\\n",?\r?)$')
TEMPLATE = """\
# Builds the book on each push and puts it on GitHub Pages.
# Written by tools/publish.py; its --undo takes this file away again.
name: book
on:
  push:
    branches: [BRANCH]
  workflow_dispatch:
permissions:
  contents: read
concurrency:
  group: pages
  cancel-in-progress: false
jobs:
  build:
    runs-on: ubuntu-latest
    timeout-minutes: 30
    env:
      PIP_NO_CACHE_DIR: "1"  # PyTorch alone fills a third of the disk
    steps:
      - uses: actions/checkout@v7
        with:
          persist-credentials: false
      - uses: actions/setup-python@v7
        with:
          python-version: "3.12"
      # The whole book in one file; the pages do without, where this fails
      - run: make pdf
        continue-on-error: true
      - run: make book
      - uses: actions/upload-pages-artifact@v5
        with:
          path: book/_build/html
  deploy:
    needs: build
    runs-on: ubuntu-latest
    timeout-minutes: 10
    permissions:
      pages: write
      id-token: write
    environment:
      name: github-pages
      url: ${{ steps.deployment.outputs.page_url }}
    steps:
      - id: deployment
        uses: actions/deploy-pages@v5
"""


class Refusal(Exception):
    """Why nothing was done, in a sentence for the reader."""


def git(root: Path, *arguments: str) -> str:
    """What git answers in `root`."""
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        raise Refusal("git is not installed, and this needs it.") from None
    if done.returncode:
        raise Refusal(f"git says: {done.stderr.strip()}")
    return done.stdout.rstrip("\n")


def checked_name(name: str) -> str:
    """The name, if GitHub can have such a repository."""
    owner, slash, repository = name.partition("/")
    if OWNER.fullmatch(owner) and slash and REPOSITORY.fullmatch(repository):
        return name
    raise Refusal(
        f"{name!r} names no repository on GitHub: give its owner and its "
        "name, such as acme/alexnet-book, without https:// and without .git."
    )


# Where alexnet_lib is installed from


def files_with_source(root: Path) -> dict[Path, re.Pattern]:
    """The files that hold SOURCE, each with how it stands there."""
    found = [*root.glob("book/*.ipynb"), *root.glob("book/notebooks/*.ipynb")]
    return {root / "tools" / "sync_taught.py": IN_CODE} | dict.fromkeys(
        sorted(found), IN_NOTEBOOK
    )


def source_in(path: Path, pattern: re.Pattern) -> str:
    """The one SOURCE that a file holds."""
    found = pattern.findall(path.read_bytes().decode("utf-8"))
    if len(found) != 1:
        raise Refusal(
            f"{path} sets SOURCE {len(found)} times, not once: run "
            "`make sync` and look at the first cell."
        )
    return found[0][1]


def sources(root: Path) -> dict[Path, str]:
    """Where each file says that alexnet_lib is installed from."""
    return {
        path: source_in(path, pattern)
        for path, pattern in files_with_source(root).items()
    }


def fill(root: Path, source: str) -> list[Path]:
    """Write SOURCE into every file that holds it; the files that changed.

    No other byte changes, so filling in what stood there undoes it.
    """
    changed = [p for p, known in sources(root).items() if known != source]
    patterns = files_with_source(root)
    for path in changed:
        text = path.read_bytes().decode("utf-8")
        new = patterns[path].sub(rf"\g<1>{source}\g<3>", text)
        path.write_bytes(new.encode("utf-8"))
    return changed


# The workflow


def workflow(branch: str) -> str:
    """The workflow that publishes what is pushed to a branch."""
    return TEMPLATE.replace("BRANCH", json.dumps(branch))


def is_ours(path: Path) -> bool:
    """Whether a file is a workflow as this program writes it."""
    text = path.read_text(encoding="utf-8", errors="replace")
    branch = re.search(r'branches: \[(".*")\]', text)
    return bool(branch) and text == workflow(json.loads(branch[1]))


def changed_by_hand() -> Refusal:
    return Refusal(
        f"{WORKFLOW} is not as this program writes it: move it away, or "
        "keep it and look after it yourself."
    )


def write_workflow(root: Path, branch: str) -> bool:
    """Write the workflow; whether anything changed."""
    path = root / WORKFLOW
    text = workflow(branch)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    return True


def remove_workflow(root: Path) -> None:
    """Take the workflow away, and the folders that it leaves empty."""
    path = root / WORKFLOW
    path.unlink()
    for folder in (path.parent, path.parent.parent):
        if not any(folder.iterdir()):
            folder.rmdir()


# The three things to do


def changes(root: Path) -> list[str]:
    """The files that differ from the last commit."""
    if Path(git(root, "rev-parse", "--show-toplevel")).resolve() != root:
        raise Refusal(f"{root} is not the top folder of a git repository.")
    return git(root, "status", "--porcelain").splitlines()


def branch_of(root: Path) -> str:
    """The branch that is checked out."""
    branch = git(root, "branch", "--show-current")
    if not branch:
        raise Refusal(
            "No branch is checked out, and the pages are built from one: "
            "run `git switch main`."
        )
    return branch


def origin(root: Path) -> str:
    """The owner/name that the remote origin leads to; "" without one."""
    try:
        remote = git(root, "remote", "get-url", "origin")
    except Refusal:
        return ""
    match = re.search(r"github\.com[:/]([^/]+/[^/]+?)(?:\.git)?/?$", remote)
    return match[1] if match else ""


def next_steps(root: Path, name: str) -> list[str]:
    """What is left to do by hand, as commands and one setting."""
    owner, _, repository = name.partition("/")
    home = f"{owner.lower()}.github.io"
    site = home if repository.lower() == home else f"{home}/{repository}"
    branch = branch_of(root)
    lines = []
    if changes(root):
        lines += ["git add -A", 'git commit -m "Publish the book"']
    if origin(root).lower() != name.lower():
        remotes = git(root, "remote").splitlines()
        verb = "set-url" if "origin" in remotes else "add"
        lines += [f"git remote {verb} origin https://github.com/{name}.git"]
    lines += [f"git push -u origin {branch}"]
    return [
        "Left for you to do:",
        *(f"  {line}" for line in lines),
        f"On https://github.com/{name}, a public repository, choose",
        '  Settings > Pages > Source: "GitHub Actions"',
        f"Some minutes later the book is at https://{site}/",
    ]


def prepare(root: Path, name: str) -> list[str]:
    """Fill in SOURCE and write the workflow; what was done."""
    checked_name(name)
    if dirty := changes(root):
        more = f" and {len(dirty) - 1} more" if len(dirty) > 1 else ""
        raise Refusal(
            f"The working tree is not clean ({dirty[0][3:]}{more}): commit "
            "or take that back first, so that what this program changes "
            "stays apart."
        )
    branch = branch_of(root)
    if (root / WORKFLOW).exists() and not is_ours(root / WORKFLOW):
        raise changed_by_hand()
    changed = fill(root, GITHUB + name)
    written = write_workflow(root, branch)
    return [
        f"{len(changed)} files now install alexnet_lib from {GITHUB}{name}",
        f"{WORKFLOW} {'was written' if written else 'is up to date'}",
        "Nothing was committed, and nothing was pushed.",
        *next_steps(root, name),
    ]


def undo(root: Path) -> list[str]:
    """Take back all that `prepare` did; what was done."""
    path = root / WORKFLOW
    if path.exists() and not is_ours(path):
        raise changed_by_hand()
    lines = []
    if changed := fill(root, ""):
        lines += [f"{len(changed)} files name no source any more"]
    if path.exists():
        remove_workflow(root)
        lines += [f"{WORKFLOW} is gone"]
    return lines or ["Nothing was prepared: there is nothing to take back."]


def faults(root: Path) -> list[str]:
    """What keeps this copy from being published."""
    found = []
    named = sources(root)
    kinds = set(named.values())
    if len(kinds) > 1:
        wanted = named[root / "tools" / "sync_taught.py"]
        stale = [p.name for p, source in named.items() if source != wanted]
        found += [f"not all name the same source: {', '.join(stale)}"]
    elif not next(iter(kinds)).startswith(GITHUB):
        found += ["the notebooks name no source to install alexnet_lib from"]
    path = root / WORKFLOW
    if not path.exists():
        found += [f"{WORKFLOW} is missing"]
    elif not is_ours(path):
        found += [f"{WORKFLOW} was changed by hand"]
    elif path.read_text(encoding="utf-8") != workflow(branch_of(root)):
        found += [f"{WORKFLOW} is for another branch than {branch_of(root)}"]
    return found


def check(root: Path) -> tuple[list[str], bool]:
    """What is prepared and what is missing; whether all is prepared."""
    found = faults(root)
    if found:
        advice = "Run: python tools/publish.py owner/name"
        return [*(f"missing: {fault}" for fault in found), advice], False
    name = next(iter(sources(root).values())).removeprefix(GITHUB)
    return [f"prepared for {name}", *next_steps(root, name)], True


def main(argv: list[str] | None = None) -> int:
    """Prepare, check or undo; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_mutually_exclusive_group(required=True).add_argument
    add("name", nargs="?", metavar="owner/name", help="a GitHub repository")
    add("--check", action="store_true", help="only say what is prepared")
    add("--undo", action="store_true", help="take all of it back")
    args = parser.parse_args(argv)
    good = True
    try:
        if args.check:
            lines, good = check(ROOT)
        else:
            lines = undo(ROOT) if args.undo else prepare(ROOT, args.name)
    except Refusal as refusal:
        print(f"error: {refusal}", file=sys.stderr)
        return 2
    print("\n".join(lines))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
