"""What the pages show that no file says: numbers of chapters, crosses, logo.

A chapter is called by the number in the name of its file. The number goes
into its title here, and from there into the sidebar, into the links to the
next page and into links without a text of their own.
"""

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.transforms import SphinxTransform

LOGO = "_static/favicon.svg"  # right on light and on dark ground
CHAPTER = re.compile(r"(?:.*/)?(\d\d)_\w+")
SIZES = re.compile(r"(?<=\d)\s+x\s+(?=\d)")
GRADE = re.compile(r" (?=· (?:easy|medium|hard))")
VERBATIM = (nodes.literal, nodes.literal_block, nodes.math, nodes.raw)


def number_of(docname: str) -> str:
    """The number of a chapter, "03" for example; "" for other pages."""
    match = CHAPTER.fullmatch(docname)
    return match[1] if match else ""


class NumberTitle(SphinxTransform):
    """Put the number of a chapter before its title."""

    default_priority = 500

    def apply(self, **kwargs: object) -> None:
        """Change the first title of the page; its address stays."""
        number = number_of(self.env.docname)
        title = next(self.document.findall(nodes.title), None)
        if number and title is not None:
            mark = nodes.inline("", number, classes=["chapter-number"])
            title.insert(0, [mark, nodes.Text(" ")])


class KeepSizesWhole(SphinxTransform):
    """Set 224 x 224 with a cross, and never on two lines; nor a grade."""

    default_priority = 510

    def apply(self, **kwargs: object) -> None:
        """Change the texts of the page; its code stays."""
        for text in list(self.document.findall(nodes.Text)):
            if isinstance(text.parent, VERBATIM):
                continue
            whole = SIZES.sub("\u00a0\u00d7\u00a0", text.astext())
            whole = GRADE.sub("\u00a0", whole)
            if whole != text.astext():
                text.parent.replace(text, nodes.Text(whole))


def set_logo(app: Sphinx, config: Config) -> None:
    """Show the mark beside the title of the book."""
    logo = {
        "text": config.html_title,
        "image_light": LOGO,
        "image_dark": LOGO,
        "alt_text": "Home",  # the title stands beside it
    }
    options = dict(config.html_theme_options)
    options.setdefault("logo", logo)
    config.html_theme_options = options


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx when to call what."""
    app.add_transform(NumberTitle)
    app.add_transform(KeepSizesWhole)
    app.connect("config-inited", set_logo)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
