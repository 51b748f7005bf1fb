"""Take pictures of the built pages, for people to look at.

    python tools/look.py OUT                  all pages of book/_build/html
    python tools/look.py OUT --page intro     one page
    python tools/look.py OUT --html FOLDER    another build

Each page is taken at 1280 and 390 pixels, light and dark. Solutions and
other closed boxes are opened. `CHROMIUM` names the browser, where it is
not on the path.
"""

import argparse
import functools
import http.server
import itertools
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
WIDTHS = [1280, 390]
SCHEMES = ["light", "dark"]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
OPEN_BOXES = """() => {
  document.querySelectorAll("details").forEach((box) => (box.open = true));
  document.querySelectorAll(".toggle-hidden").forEach((box) =>
    box.classList.remove("toggle-hidden"));
}"""


def chromium() -> str | None:
    """The browser of this machine, or None."""
    names = [os.environ.get("CHROMIUM", ""), "chromium", "google-chrome"]
    found = [shutil.which(name) for name in names if name]
    return next(filter(None, found), None)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of `folder`, served on this machine only."""
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        window = playwright.chromium.launch(
            executable_path=chromium(), args=FLAGS
        )
        yield window
        window.close()


def pages_of(html: Path) -> list[str]:
    """The pages of a build, as paths below it."""
    found = sorted(html.rglob("*.html"))
    inside = [path.relative_to(html) for path in found]
    # index.html only leads on to the introduction
    return [
        path.as_posix()
        for path in inside
        if path.parts[0] not in ("_static", "index.html")
    ]


def visit(page: Page, address: str) -> None:
    """Load a page and wait until its formulas are set."""
    page.goto(address)
    page.evaluate("() => window.MathJax?.startup && MathJax.startup.promise")


def set_scheme(page: Page, scheme: str) -> None:
    """Make a page light or dark; TimeoutError if it does not follow."""
    page.emulate_media(color_scheme=scheme)
    page.wait_for_selector(f"html[data-theme={scheme}]", timeout=5000)


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("out", type=Path, help="the folder for the pictures")
    parser.add_argument("--html", type=Path, default="book/_build/html")
    parser.add_argument("--page", action="append", help="part of its name")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    names = pages_of(arguments.html)
    if arguments.page:
        names = [n for n in names if any(p in n for p in arguments.page)]
    with served(arguments.html) as address, browser() as window:
        page = window.new_page()
        for name in names:
            visit(page, f"{address}/{name}")
            page.evaluate(OPEN_BOXES)
            stem = name.removesuffix(".html").replace("/", "_")
            for width, scheme in itertools.product(WIDTHS, SCHEMES):
                page.set_viewport_size({"width": width, "height": 900})
                set_scheme(page, scheme)
                picture = arguments.out / f"{stem}_{width}_{scheme}.png"
                page.screenshot(
                    path=picture,
                    full_page=True,
                    animations="disabled",
                    timeout=120_000,  # a long page, a busy machine
                )
                print(picture)


if __name__ == "__main__":
    main()
