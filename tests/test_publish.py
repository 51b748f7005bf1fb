"""The way to the reader: buttons, downloads, the first cell, publishing.

Nothing here needs a network: all repositories are in temporary folders.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from http.server import SimpleHTTPRequestHandler
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from tests.conftest import ROOT, load
from tools import publish, setup_test
from tools.look import browser, chromium, served
from tools.prove import copy_project
from tools.sync_taught import SETUP

NOTEBOOK = "notebooks/chapter"
ADDRESS = "https://github.com/acme/book"
COLAB = "https://colab.research.google.com/github/acme/book/blob"


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=x", "-c", "user.email=x"]
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(
        command, check=True, capture_output=True, text=True
    ).stdout.strip()


def commit_all(folder: Path) -> None:
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "all")


# The buttons of the pages


def small_book(folder: Path) -> None:
    """A book of two pages, a notebook among them, set up as ours is."""
    book = folder / "book"
    (book / "notebooks").mkdir(parents=True)
    shown = new_output("stream", text="two\n")
    code = new_code_cell("print('two')", execution_count=1, outputs=[shown])
    cells = [new_markdown_cell("# Chapter"), code]
    about = {"name": "python3", "display_name": "Python 3"}
    metadata = {"kernelspec": about, "language_info": {"name": "python"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    nbformat.write(notebook, book / f"{NOTEBOOK}.ipynb")
    (book / "intro.md").write_text("# Hello\n\nA page.\n")
    pages = [{"file": NOTEBOOK}]
    toc = {"format": "jb-book", "root": "intro", "chapters": pages}
    (book / "_toc.yml").write_text(yaml.safe_dump(toc))
    for name in ("_ext", "_static", "_vendor"):
        (book / name).symlink_to(ROOT / "book" / name)
    config = yaml.safe_load((ROOT / "book/_config.yml").read_text("utf-8"))
    del config["bibtex_bibfiles"]
    config["sphinx"]["local_extensions"] = {"booklocal": "_ext"}
    config["sphinx"]["extra_extensions"].append("sphinx.ext.autodoc")
    (book / "_config.yml").write_text(yaml.safe_dump(config))
    commit_all(folder)


def add_remote(address: str) -> Callable[[Path], None]:
    return lambda folder: git(folder, "remote", "add", "origin", address)


def leave_the_branch(folder: Path) -> None:
    git(folder, "remote", "add", "origin", f"{ADDRESS}.git")
    git(folder, "checkout", "--quiet", "--detach")


def add_a_pdf(folder: Path) -> None:
    (folder / "build").mkdir()
    (folder / "build" / "book.pdf").write_bytes(b"%PDF the whole book")


COPIES = {
    "no remote": add_a_pdf,
    "github": add_remote("https://me:ghp_secret@github.com/acme/book.git"),
    "gitlab": add_remote("git@gitlab.com:acme/book.git"),
    "no branch": leave_the_branch,
}
# Imports what all builds need once; each build then has a process of its own
BUILD = """
import os
import sys
import jupyter_book.sphinx, myst_nb.sphinx_ext, sphinx_book_theme
from jupyter_book.cli.main import main

options = ["-W", "-n", "--keep-going", "--all", "-q"]
children = []
for book in sys.argv[1:]:
    child = os.fork()
    if not child:
        main(["build", book, *options])
    children.append(child)
sys.exit(any([os.waitpid(child, 0)[1] for child in children]))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages of the small book, from copies with different remotes."""
    if not hasattr(os, "fork"):
        pytest.skip("this system cannot fork")
    folders = {name: tmp_path_factory.mktemp("copy") for name in COPIES}
    for name, folder in folders.items():
        small_book(folder)
        COPIES[name](folder)
    books = [str(folder / "book") for folder in folders.values()]
    done = subprocess.run(
        [sys.executable, "-c", BUILD, *books], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return {
        name: folder / "book" / "_build" / "html"
        for name, folder in folders.items()
    }


def links(html: Path, page: str, word: str) -> list[str]:
    """The addresses on a page that hold a word."""
    text = (html / f"{page}.html").read_text(encoding="utf-8")
    return [
        href for href in re.findall('href="([^"]*)"', text) if word in href
    ]


def test_colab_opens_the_notebook_on_its_branch(built: dict[str, Path]):
    path = f"{COLAB}/main/book/{NOTEBOOK}.ipynb"
    assert links(built["github"], NOTEBOOK, "colab") == [path]
    assert links(built["github"], "intro", "colab") == []


def test_colab_opens_the_commit_where_there_is_no_branch(
    built: dict[str, Path],
):
    commit = git(built["no branch"], "rev-parse", "HEAD")
    path = f"{COLAB}/{commit}/book/{NOTEBOOK}.ipynb"
    assert links(built["no branch"], NOTEBOOK, "colab") == [path]


@pytest.mark.parametrize("copy", ["no remote", "gitlab"])
def test_colab_is_offered_for_github_only(built: dict[str, Path], copy: str):
    for page in ("intro", NOTEBOOK):
        text = (built[copy] / f"{page}.html").read_text(encoding="utf-8")
        assert "colab" not in text.lower()
        assert "launch-buttons" not in text


def test_repository_buttons_follow_the_remote(built: dict[str, Path]):
    assert links(built["github"], "intro", ADDRESS)[0] == ADDRESS
    gitlab = links(built["gitlab"], "intro", "gitlab.com/acme/book")
    assert gitlab[0] == "https://gitlab.com/acme/book"
    assert links(built["no remote"], "intro", "acme") == []


def test_no_page_shows_the_password_of_a_remote(built: dict[str, Path]):
    files = [path for path in built["github"].rglob("*") if path.is_file()]
    assert len(files) > 20
    assert [p for p in files if b"ghp_secret" in p.read_bytes()] == []


def test_a_host_that_the_theme_does_not_know_counts_as_none(tmp_path: Path):
    repository = load("book/_ext/booklocal.py").repository
    git(tmp_path, "init", "--quiet")
    without = repository(tmp_path)
    git(tmp_path, "remote", "add", "origin", "https://git.example.org/a/b")
    assert repository(tmp_path) == without
    git(tmp_path, "remote", "set-url", "origin", "https://bitbucket.org/a/b")
    known = repository(tmp_path)
    assert known["repository_url"] == "https://bitbucket.org/a/b"
    assert not known["use_issues_button"]  # the theme warns of it


@pytest.mark.parametrize(
    ("remote", "page"),
    [
        ("git@github.com:acme/book.git", ADDRESS),
        ("org-7@github.com:acme/book", ADDRESS),
        ("ssh://git@github.com:22/acme/book", ADDRESS),
        ("https://github.com/acme/book/", ADDRESS),
        ("https://me:p@ss@github.com/acme/book.git", ADDRESS),
        ("git@gitlab.com:a/b/c.git", "https://gitlab.com/a/b/c"),
        ("https://git.example.org:8443/a/b", ""),
        ("file:///srv/acme/book.git", ""),
        ("../book.git", ""),
        ("C:/books/acme/book", ""),
        ("git@github.com:book", ""),
    ],
)
def test_a_remote_becomes_an_address_that_leads_somewhere(
    remote: str, page: str
):
    assert load("book/_ext/booklocal.py").web_address(remote) == page


# Downloads


def test_a_page_serves_its_notebook_with_outputs(built: dict[str, Path]):
    html = built["no remote"]
    (link,) = links(html, NOTEBOOK, ".ipynb")
    served = (html / NOTEBOOK).parent / link
    source = html.parents[1] / f"{NOTEBOOK}.ipynb"
    assert served.read_bytes() == source.read_bytes()
    assert '"two\\n"' in served.read_text()


@pytest.mark.skipif(chromium() is None, reason="no chromium to click with")
def test_the_download_button_saves_the_notebook(built: dict[str, Path]):
    html = built["no remote"]
    # Of this kind a browser shows the text, if it may
    shown = {".ipynb": "application/json"}
    with (
        patch.dict(SimpleHTTPRequestHandler.extensions_map, shown),
        served(html) as address,
        browser() as window,
    ):
        page = window.new_page()
        page.goto(f"{address}/{NOTEBOOK}.html")
        page.click(".dropdown-download-buttons > button")
        with page.expect_download(timeout=10_000) as download:
            page.click(".btn-download-source-button")
        assert download.value.suggested_filename == "chapter.ipynb"
        source = html.parents[1] / f"{NOTEBOOK}.ipynb"
        assert Path(download.value.path()).read_bytes() == source.read_bytes()


def test_the_introduction_offers_the_pdf_that_was_made(built: dict[str, Path]):
    html = built["no remote"]
    assert links(html, "intro", ".pdf") == ["book.pdf"]
    text = (html / "intro.html").read_text(encoding="utf-8")
    assert "the whole book (.pdf, 0.0 MB)" in text
    assert (html / "book.pdf").read_bytes() == b"%PDF the whole book"
    assert links(html, NOTEBOOK, ".pdf") == []


def test_without_a_pdf_none_is_offered(built: dict[str, Path]):
    assert links(built["github"], "intro", ".pdf") == []
    assert not (built["github"] / "book.pdf").exists()


# The first cell of each notebook

PIP = """
import json, os, pathlib, sys
here = pathlib.Path(__file__).parents[1]
(here / "asked.json").write_text(json.dumps(sys.argv[1:]))
if os.environ.get("NO_NETWORK"):
    sys.exit("fatal: could not resolve host")
(here / "alexnet_lib.py").write_text("")
print("much that nobody reads")
"""


def first_cell(
    folder: Path, source: str, packages: dict | None = None, **env: str
) -> subprocess.CompletedProcess:
    """Run the first cell where pip only notes what it is asked for."""
    (folder / "pip").mkdir()
    (folder / "pip" / "__init__.py").write_text("")
    (folder / "pip" / "__main__.py").write_text(PIP)
    for name, version in (packages or {}).items():
        (folder / f"{name}.py").write_text("")
        info = folder / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
    cell = publish.IN_CODE.sub(rf"\g<1>{source}\g<3>", SETUP)
    return subprocess.run(
        [sys.executable, "-S", "-c", f"{cell}\nimport alexnet_lib"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), **env},
        capture_output=True,
        text=True,
    )


def test_the_first_cell_installs_the_library(tmp_path: Path):
    done = first_cell(tmp_path, "git+https://x.org/a/b")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    asked = json.loads((tmp_path / "asked.json").read_text())
    assert asked == ["install", "--quiet", "git+https://x.org/a/b"]


def test_the_first_cell_keeps_the_torch_that_is_there(tmp_path: Path):
    here = {"torch": "2.11.0+cu128", "torchvision": "0.26.0", "numpy": "2.0"}
    assert first_cell(tmp_path, "git+https://x.org/a/b", here).returncode == 0
    asked = json.loads((tmp_path / "asked.json").read_text())
    assert sorted(asked[3:]) == ["torch==2.11.0+cu128", "torchvision==0.26.0"]


def test_the_first_cell_says_why_it_could_not_install(tmp_path: Path):
    done = first_cell(tmp_path, "git+https://x.org/a/b", NO_NETWORK="1")
    assert done.stderr.splitlines()[-2:] == [
        "ImportError: alexnet_lib could not be installed from "
        "git+https://x.org/a/b. Is there a network connection? pip says:",
        "fatal: could not resolve host",
    ]


def test_the_first_cell_without_a_source_says_what_to_do(tmp_path: Path):
    done = first_cell(tmp_path, "")
    assert done.stderr.splitlines()[-1] == (
        "ImportError: alexnet_lib is not installed: run `make lab`, or run "
        "`pip install -e .` in the book's folder and restart the kernel"
    )
    assert not (tmp_path / "asked.json").exists()


def test_the_first_cell_leaves_a_library_that_is_there(tmp_path: Path):
    (tmp_path / "alexnet_lib.py").write_text("")
    assert first_cell(tmp_path, "git+https://x.org/a/b").returncode == 0
    assert not (tmp_path / "asked.json").exists()


# Publishing


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project as one commit, with nothing prepared."""
    folder = tmp_path_factory.mktemp("project").resolve()
    copy_project(folder)
    publish.fill(folder, "")
    (folder / publish.WORKFLOW).unlink(missing_ok=True)
    commit_all(folder)
    return folder


@pytest.fixture
def clone(project: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(project), str(folder))
    git(folder, "remote", "remove", "origin")
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """What publish.py does in a copy of the project."""
    out, err = StringIO(), StringIO()
    with patch.object(publish, "ROOT", folder):
        with redirect_stdout(out), redirect_stderr(err):
            code = publish.main(list(arguments))
    texts = out.getvalue(), err.getvalue()
    return subprocess.CompletedProcess(arguments, code, *texts)


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every folder and every file with its content, git's own left out."""
    return {
        path.relative_to(folder).as_posix(): (
            path.read_bytes() if path.is_file() else None
        )
        for path in folder.rglob("*")
        if ".git" not in path.relative_to(folder).parts
    }


def test_undo_takes_everything_back(clone: Path):
    before, config = tree(clone), (clone / ".git" / "config").read_bytes()
    command = [sys.executable, "-B", "tools/publish.py"]
    subprocess.run([*command, "acme/alexnet-book"], cwd=clone, check=True)
    assert len(set(tree(clone)) - set(before)) == 3  # the workflow, 2 folders
    subprocess.run([*command, "--undo"], cwd=clone, check=True)
    assert tree(clone) == before
    assert (clone / ".git" / "config").read_bytes() == config
    done = run(clone, "--undo")
    assert "nothing to take back" in done.stdout and tree(clone) == before


def test_every_notebook_names_the_repository(clone: Path):
    assert run(clone, "acme/alexnet-book").returncode == 0
    source = "git+https://github.com/acme/alexnet-book"
    wanted = publish.IN_CODE.sub(rf"\g<1>{source}\g<3>", SETUP)
    assert source in wanted
    paths = list((clone / "book").glob("**/*.ipynb"))
    for path in paths:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = [
            "".join(c["source"]) for c in cells if c["cell_type"] == "code"
        ]
        assert code[0] == wanted, path.name
    assert len(paths) > 8


def test_the_next_steps_are_said_and_left_to_the_reader(clone: Path):
    done = run(clone, "acme/alexnet-book")
    assert done.stdout.splitlines()[2:] == [
        "Nothing was committed, and nothing was pushed.",
        "Left for you to do:",
        "  git add -A",
        '  git commit -m "Publish the book"',
        "  git remote add origin https://github.com/acme/alexnet-book.git",
        "  git push -u origin main",
        "On https://github.com/acme/alexnet-book, a public repository, choose",
        '  Settings > Pages > Source: "GitHub Actions"',
        "Some minutes later the book is at "
        "https://acme.github.io/alexnet-book/",
    ]
    assert git(clone, "remote") == ""
    assert git(clone, "rev-list", "--count", "HEAD") == "1"


def test_check_says_what_is_prepared_and_what_is_missing(clone: Path):
    done = run(clone, "--check")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "missing: the notebooks name no source to install alexnet_lib from",
        "missing: .github/workflows/book.yml is missing",
        "Run: python tools/publish.py owner/name",
    ]
    run(clone, "acme/alexnet-book")
    commit_all(clone)
    git(clone, "remote", "add", "origin", f"{ADDRESS}.git")
    before = tree(clone)
    done = run(clone, "--check")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "prepared for acme/alexnet-book"
    assert "  git remote set-url origin" in done.stdout
    assert "git add" not in done.stdout
    assert tree(clone) == before


def test_check_finds_what_was_spoilt(clone: Path):
    run(clone, "acme/alexnet-book")
    path = clone / "book" / "intro.ipynb"
    path.write_text(path.read_text("utf-8").replace("/acme/alex", "/me/alex"))
    git(clone, "checkout", "--quiet", "-b", "draft")
    done = run(clone, "--check")
    assert done.returncode == 1
    assert done.stdout.splitlines()[:2] == [
        "missing: not all name the same source: intro.ipynb",
        "missing: .github/workflows/book.yml is for another branch than draft",
    ]


def test_another_name_can_follow(clone: Path):
    run(clone, "acme/alexnet-book")
    commit_all(clone)
    assert run(clone, "acme/acme.github.io").returncode == 0
    done = run(clone, "--check")
    assert done.stdout.startswith("prepared for acme/acme.github.io\n")
    assert done.stdout.endswith("https://acme.github.io/\n")


@pytest.mark.parametrize(
    "name",
    [
        "acme",
        "acme/",
        "/book",
        "acme/book.git",
        "acme/..",
        "acme/book/more",
        "-acme/book",
        "acme/my book",
        "https://github.com/acme/book",
        'acme/b"; import os #',
    ],
)
def test_a_bad_name_is_refused(name: str):
    with pytest.raises(publish.Refusal, match="names no repository"):
        publish.checked_name(name)


def spoil_readme(folder: Path) -> None:
    (folder / "README.md").write_text("changed")
    (folder / "new.txt").write_text("new")


def write_a_workflow(folder: Path) -> None:
    path = folder / publish.WORKFLOW
    path.parent.mkdir(parents=True)
    path.write_text("name: mine\n")
    commit_all(folder)


def remove_git(folder: Path) -> None:
    (folder / ".git").rename(folder.parent / "git")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda _: None, "'acme' names no repository"),
        (spoil_readme, "not clean (README.md and 1 more)"),
        (write_a_workflow, "is not as this program writes it"),
        (lambda f: git(f, "checkout", "--detach"), "No branch is checked out"),
        (remove_git, "git says: fatal: not a git repository"),
    ],
)
def test_a_refusal_changes_nothing(
    clone: Path, change: Callable[[Path], object], reason: str
):
    change(clone)
    before = tree(clone)
    name = "acme" if "names no" in reason else "acme/book"
    done = run(clone, name)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ") and reason in done.stderr
    assert tree(clone) == before


def test_undo_leaves_a_workflow_that_was_changed(clone: Path):
    run(clone, "acme/alexnet-book")
    path = clone / publish.WORKFLOW
    path.write_text(path.read_text().replace("3.12", "3.13"))
    before = tree(clone)
    done = run(clone, "--undo")
    assert done.returncode == 2 and "move it away" in done.stderr
    assert tree(clone) == before


# The workflow


def steps(job: str) -> list[dict]:
    return yaml.safe_load(publish.workflow("main"))["jobs"][job]["steps"]


def test_the_workflow_may_do_no_more_than_it_must():
    read = yaml.safe_load(publish.workflow("main"))
    assert read["permissions"] == {"contents": "read"}
    assert "permissions" not in read["jobs"]["build"]
    pages = {"pages": "write", "id-token": "write"}
    assert read["jobs"]["deploy"]["permissions"] == pages
    assert read["jobs"]["deploy"]["needs"] == "build"
    assert steps("build")[0]["with"] == {"persist-credentials": False}


def test_the_workflow_builds_as_the_reader_does():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    required = [s["run"] for s in steps("build") if s.keys() == {"run"}]
    assert required == ["make book"]
    assert re.search(r"(?m)^book:.*\n\t.*jupyter-book build .*-W", makefile)
    upload = steps("build")[-1]
    assert upload["with"] == {"path": "book/_build/html"}


def test_the_workflow_pins_its_actions():
    used = [
        s["uses"]
        for job in ("build", "deploy")
        for s in steps(job)
        if "uses" in s
    ]
    assert len(used) == 4
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", name) for name in used)


@pytest.mark.parametrize("branch", ["main", "fix/a-b", "größer", "yes"])
def test_the_workflow_runs_on_any_branch(branch: str, tmp_path: Path):
    text = publish.workflow(branch)
    # YAML 1.1 reads the key `on` as true
    assert yaml.safe_load(text)[True]["push"]["branches"] == [branch]
    publish.write_workflow(tmp_path, branch)
    assert publish.is_ours(tmp_path / publish.WORKFLOW)


# The test of the set-up


def test_the_set_up_is_tried_with_the_oldest_versions():
    wanted = setup_test.oldest()
    assert wanted[:2] == ["torch==2.11.*", "torchvision==0.26.*"]
    needs = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '"torch>=2.11"' in needs and '"torchvision>=0.26"' in needs


def test_a_word_that_no_notebook_has_is_refused(
    capsys: pytest.CaptureFixture,
):
    with pytest.raises(SystemExit):
        setup_test.main(["--only", "nothing"])
    assert "no notebook has nothing in its name" in capsys.readouterr().err


def test_a_package_that_was_installed_again_is_found(tmp_path: Path):
    environment = setup_test.Environment.__new__(setup_test.Environment)
    environment.folder = tmp_path
    site = tmp_path / "lib" / "python3.12" / "site-packages"
    for name in ("torch-2.11.0", "numpy-1.26.4", "setuptools-65.5.0"):
        (site / f"{name}.dist-info").mkdir(parents=True)
        (site / f"{name}.dist-info" / "RECORD").write_text(name)
    before = environment.packages()
    assert environment.version("torch") == "2.11.0"
    assert setup_test.replaced(before, environment.packages()) == []
    (site / "setuptools-65.5.0.dist-info").rename(site / "setuptools")
    os.utime(site / "numpy-1.26.4.dist-info" / "RECORD", (1, 1))
    (site / "torch-2.11.0.dist-info" / "RECORD").write_text("other")
    after = environment.packages()
    lost = setup_test.replaced(before, after)
    assert sorted(lost) == ["numpy-1.26.4", "torch-2.11.0"]


def test_a_cell_that_prints_otherwise_is_found():
    def book(text: str, tags: tuple = ()) -> nbformat.NotebookNode:
        shown = new_output("stream", text=text)
        cell = new_code_cell("x", outputs=[shown], metadata={"tags": tags})
        return nbformat.v4.new_notebook(cells=[cell])

    same = setup_test.difference(book("at 0x7f00aa\n"), book("at 0x7f00bb\n"))
    assert same == ""
    wrong = setup_test.difference(book("a\n0.12\n"), book("a\n0.13\n"))
    assert wrong == "cell 0 prints '0.13', not '0.12'"
    short = setup_test.difference(book("a\nb\n"), book("a\n"))
    assert short == "cell 0 prints '', not 'b'"
    exempt = ["nbval-ignore-output"]
    assert setup_test.difference(book("a", exempt), book("b", exempt)) == ""
