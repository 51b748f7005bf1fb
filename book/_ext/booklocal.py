"""What the book needs of Sphinx beyond its settings.

Each function mends one thing: pages that ask other hosts for scripts,
buttons that lead nowhere, a second search bar, a builder that stops.
"""

import re
import subprocess
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

# What the theme can link to, and whether it knows the page for new issues
PROVIDERS = {"github": True, "gitlab": True, "bitbucket": False}
PAGE_OF_REMOTE = re.compile(
    r"(?:ssh://(?:[^/]*@)?(?P<a>[^/:@]+)(?::\d+)?/"
    r"|https?://(?:[^/]*@)?(?P<b>[^/:@]+)/"
    r"|[^@/]+@(?P<c>[^/:@]+):)"
    r"(?P<path>[^/].*?/.+?)(?:\.git)?/?"
)


def git(folder: Path | str, *arguments: str) -> str:
    """What git answers in `folder`; nothing where there is no git."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=10
        )
    except OSError:
        return ""
    return answer.stdout.strip()


def web_address(remote: str) -> str:
    """The page of a git remote, without credentials; "" if it has none."""
    match = PAGE_OF_REMOTE.fullmatch(remote)
    if not match:
        return ""
    host = match["a"] or match["b"] or match["c"]
    return f"https://{host}/{match['path']}"


def repository(folder: Path | str) -> dict:
    """Theme options that point to the repository this copy came from."""
    url = web_address(git(folder, "remote", "get-url", "origin"))
    host = url.removeprefix("https://").partition("/")[0]
    provider = next((p for p in PROVIDERS if p in host), "")
    if not provider:  # the theme stops at a host that it does not know
        return {
            "use_repository_button": False,
            "use_issues_button": False,
            "use_edit_page_button": False,
            "launch_buttons": {},
        }
    # Without a branch, say on a tag: the commit itself
    branch = git(folder, "branch", "--show-current")
    return {
        "repository_url": url,
        "repository_provider": provider,
        "repository_branch": branch or git(folder, "rev-parse", "HEAD"),
        "path_to_docs": git(folder, "rev-parse", "--show-prefix").rstrip("/"),
        "use_repository_button": True,
        "use_issues_button": PROVIDERS[provider],
    }


def set_options(app: Sphinx, config: Config) -> None:
    """Serve the vendored scripts and set what the theme asks for."""
    # Named here, not in _config.yml: Jupyter Book would otherwise load
    # every script below it on every page, and MathJax twice.
    config.html_static_path = [*config.html_static_path, "_vendor"]
    options = {**config.html_theme_options, **repository(app.srcdir)}
    options.setdefault("navbar_persistent", [])  # one search bar, not two
    if not options.get("repository_url", "").startswith("https://github.com/"):
        options["launch_buttons"] = {}  # Colab opens GitHub only
    config.html_theme_options = options
    if whole_book(app).is_file():
        config.html_extra_path = [
            *config.html_extra_path,
            str(whole_book(app)),
        ]


def drop_thebe(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict,
    doctree: object,
) -> None:
    """Leave out the scripts of thebe, which run cells on other hosts."""

    def is_thebe(script: object) -> bool:
        name = str(getattr(script, "filename", script) or "").lower()
        body = str(getattr(script, "attributes", {}).get("body", ""))
        return "thebe" in name or "THEBE_JS_URL" in body

    scripts = context.get("script_files", [])
    context["script_files"] = [s for s in scripts if not is_thebe(s)]


def whole_book(app: Sphinx) -> Path:
    """The book in one file, where `make pdf` puts it."""
    return Path(app.srcdir).resolve().parent / "build" / "book.pdf"


def offer_whole_book(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict,
    doctree: object,
) -> None:
    """Offer the PDF, where there is one, among the root page's downloads."""
    pdf = whole_book(app)
    if pagename != app.config.root_doc or not pdf.is_file():
        return
    for button in context.get("header_buttons", []):
        if button.get("label") == "download-buttons":
            size = pdf.stat().st_size / 1e6
            link = {
                "type": "link",
                "url": pdf.name,
                "text": f"the whole book (.pdf, {size:.1f} MB)",
                "tooltip": "Download the whole book",
                "icon": "fas fa-book",
                "label": "whole-book-button",
            }
            button["buttons"].append(link)


def mend_singlehtml(app: Sphinx) -> None:
    """Let the one-page builder draw what the html builder can draw.

    sphinx-exercise registers handlers for it, and with those Sphinx no
    longer falls back to the ones for html.
    """
    handlers = app.registry.translation_handlers
    if "singlehtml" in handlers:
        html = handlers.get("html", {})
        handlers["singlehtml"] = {**html, **handlers["singlehtml"]}


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx when to call each function."""
    app.connect("builder-inited", mend_singlehtml)
    app.connect("config-inited", set_options, priority=100)
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("html-page-context", offer_whole_book, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
