"""Load the explorers on the pages that hold one, and nowhere else.

A page holds one where it has a `<figure data-explorer="NAME">`; NAME is
served by `_explorers/explorer-NAME.js`.
"""

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

FOLDER = Path(__file__).resolve().parents[1] / "_explorers"
FIGURE = re.compile(r'<figure[^>]*\bdata-explorer="([^"]*)"')


def serve(app: Sphinx, config: Config) -> None:
    """Serve the scripts and styles beside those of the theme."""
    # Not below _static: Jupyter Book would load them on every page
    config.html_static_path = [*config.html_static_path, "_explorers"]


def scripts_for(body: str) -> list[str]:
    """The scripts that the explorers of a page need, in their order."""
    names = sorted(set(FIGURE.findall(body)))
    if not names:
        return []
    return [
        "explorers.js",
        "explorers-data.js",
        *(f"explorer-{name}.js" for name in names),
    ]


def load(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict,
    doctree: object,
) -> None:
    """Add what the explorers of a page need to that page."""
    scripts = scripts_for(context.get("body", ""))
    for script in scripts:
        if not (FOLDER / script).is_file():
            raise ExtensionError(
                f"{pagename} has an explorer without a script: write "
                f"book/_explorers/{script} or mend data-explorer"
            )
        app.add_js_file(script, loading_method="defer")
    if scripts:
        app.add_css_file("explorers.css")


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx when to call each function."""
    app.connect("config-inited", serve, priority=100)
    app.connect("html-page-context", load)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
