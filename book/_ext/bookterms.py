"""Words of the glossary become links where a page first uses them.

The notebooks hold plain words, which read well in JupyterLab too. A link
shows the word's meaning when the pointer rests on it.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

GLOSSARY = "glossary"
PAGES = re.compile(r"intro$|notebooks/")
# Not prose, or a link already
CLOSED = (
    nodes.reference,
    nodes.title,
    nodes.caption,
    nodes.FixedTextElement,
    nodes.literal,
    nodes.math,
)
# Pages that first use a word in another sense: Python's classes and
# modules, a function's parameters, Jupyter's kernel
OTHER_SENSE = {
    "buffer": {"notebooks/python_you_need"},
    "card": {"notebooks/python_you_need"},
    "class": {
        "notebooks/01_architecture",
        "notebooks/02_sequential_and_flatten",
        "notebooks/03_datasets_and_dataloader",
        "notebooks/python_you_need",
    },
    "groups": {
        "notebooks/03_datasets_and_dataloader",
        "notebooks/08_softmax_inference",
    },
    "history": {
        "notebooks/05_on_a_gpu",
        "notebooks/09_what_goes_wrong",
        "notebooks/10_the_paper",
    },
    "kernel": {"notebooks/05_on_a_gpu", "notebooks/python_you_need"},
    "module": {
        "intro",
        "notebooks/07_checkpointing",
        "notebooks/python_you_need",
    },
    "normalisation": {"notebooks/01_architecture"},
    "parameter": {
        "notebooks/03_datasets_and_dataloader",
        "notebooks/06_flowers",
        "notebooks/09_what_goes_wrong",
        "notebooks/python_you_need",
    },
    "stride": {"notebooks/02_sequential_and_flatten"},
}


@cache
def meanings(folder: Path) -> dict[str, str]:
    """Each term of the glossary and what it means, as plain text."""
    text = (folder / f"{GLOSSARY}.md").read_text(encoding="utf-8")
    body = text.partition("```{glossary}")[2].rpartition("```")[0]
    found = {}
    for entry in body.split("\n\n"):
        lines = entry.strip("\n").splitlines()
        terms = [line for line in lines if not line.startswith(" ")]
        meaning = " ".join(line.strip() for line in lines[len(terms) :])
        meaning = re.sub(r"\{\w+\}|[`*]", "", meaning)
        found |= dict.fromkeys(terms, meaning)
    return found


def pattern(terms: list[str]) -> re.Pattern:
    """Finds any of the terms, the longest first, in the plural too."""
    words = sorted(terms, key=len, reverse=True)
    parts = [re.escape(word).replace(r"\ ", r"\s+") for word in words]
    # A word of capitals is written so: a MAC is no Mac
    parts = [f"(?-i:{part})" if part.isupper() else part for part in parts]
    return re.compile(rf"(?<![\w-])({'|'.join(parts)})(e?s)?(?![\w-])", re.I)


def prose(doctree: nodes.document) -> Iterator[nodes.Text]:
    """The texts of paragraphs, in the order of the page."""
    for paragraph in list(doctree.findall(nodes.paragraph)):
        parent = paragraph.parent
        while parent is not None:
            if "cell_output" in parent.get("classes", []):
                break
            parent = parent.parent
        else:
            yield from open_texts(paragraph)


def open_texts(node: nodes.Element) -> Iterator[nodes.Text]:
    """The texts below a node that are no link and no code."""
    for child in list(node.children):
        if isinstance(child, nodes.Text):
            yield child
        elif not isinstance(child, CLOSED):
            yield from open_texts(child)


def pieces(
    text: str, terms: dict[str, str], missing: set[str], link: object
) -> list[nodes.Node]:
    """A text with links in it; the linked terms leave `missing`."""
    found, start = [], 0
    while missing:
        match = pattern(list(missing)).search(text, start)
        if match is None:
            break
        spelled = " ".join(match[1].split()).lower()
        term = next(term for term in missing if term.lower() == spelled)
        found += [nodes.Text(text[start : match.start()])]
        found += [link(term, match[0], terms[term])]
        start = match.end()
        same = {other for other in missing if terms[other] == terms[term]}
        missing.difference_update(same)
    return [*found, nodes.Text(text[start:])]


def link_terms(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Link the first use of each term on a page."""
    if not PAGES.match(page):
        return
    terms = meanings(Path(app.srcdir))
    labels = {
        name: label
        for name, _, kind, home, label, _ in app.env.domains[
            "std"
        ].get_objects()
        if kind == "term" and home == GLOSSARY
    }
    address = app.builder.get_relative_uri(page, GLOSSARY)

    def link(term: str, word: str, meaning: str) -> nodes.reference:
        return nodes.reference(
            "",
            word,
            internal=True,
            refuri=f"{address}#{labels[term]}",
            reftitle=meaning,
            classes=["term"],
        )

    missing = {t for t in terms if page not in OTHER_SENSE.get(t, ())}
    for text in prose(doctree):
        if not missing:
            break
        parts = pieces(text.astext(), terms, missing, link)
        if len(parts) > 1:
            text.parent.replace(text, parts)


def setup(app: Sphinx) -> dict[str, bool]:
    """Link when a page is whole."""
    app.connect("doctree-resolved", link_terms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
