"""What the book needs of Sphinx beyond its settings.

Each function mends one thing: pages that ask other hosts for scripts,
buttons that lead nowhere, a second search bar, a builder that stops.
"""

import re
import subprocess
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

REPOSITORY_BUTTONS = (
    "use_repository_button",
    "use_issues_button",
    "use_edit_page_button",
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
    match = re.match(
        r"(?:git@|ssh://git@|https?://(?:[^@/]+@)?)"
        r"([^/:]+)[:/](.+?)(?:\.git)?/?$",
        remote,
    )
    return f"https://{match[1]}/{match[2]}" if match else ""


def repository(folder: Path | str) -> dict:
    """Theme options that point to the repository this copy came from."""
    url = web_address(git(folder, "remote", "get-url", "origin"))
    if not url:
        return dict.fromkeys(REPOSITORY_BUTTONS, False) | {
            "launch_buttons": {}
        }
    options = {
        "repository_url": url,
        "path_to_docs": git(folder, "rev-parse", "--show-prefix").rstrip("/"),
        "use_repository_button": True,
        "use_issues_button": True,
    }
    branch = git(folder, "rev-parse", "--abbrev-ref", "HEAD")
    if branch and branch != "HEAD":
        options["repository_branch"] = branch
    return options


def set_options(app: Sphinx, config: Config) -> None:
    """Serve the vendored scripts and set what the theme asks for."""
    # Named here, not in _config.yml: Jupyter Book would otherwise load
    # every script below it on every page, and MathJax twice.
    config.html_static_path = [*config.html_static_path, "_vendor"]
    options = {**config.html_theme_options, **repository(app.srcdir)}
    options.setdefault("navbar_persistent", [])  # one search bar, not two
    launch = dict(options.get("launch_buttons", {}))
    if not options.get("repository_url", "").startswith("https://github.com/"):
        launch.pop("colab_url", None)  # Colab opens GitHub only
    options["launch_buttons"] = launch
    config.html_theme_options = options


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
    return {"parallel_read_safe": True, "parallel_write_safe": True}
