"""Words of the glossary: linked once, where a page first uses them."""

from types import SimpleNamespace

import pytest
from docutils import nodes
from docutils.core import publish_doctree

from tests.conftest import ROOT, load

terms = load("book/_ext/bookterms.py")
MEANINGS = terms.meanings(ROOT / "book")


def linked(text: str, page: str = "notebooks/08_softmax_inference") -> list:
    """Which words of a page become links, in order."""
    std = SimpleNamespace(
        get_objects=lambda: [
            (term, term, "term", "glossary", f"term-{i}", 1)
            for i, term in enumerate(MEANINGS)
        ]
    )
    app = SimpleNamespace(
        srcdir=ROOT / "book",
        env=SimpleNamespace(domains={"std": std}),
        builder=SimpleNamespace(
            get_relative_uri=lambda page, target: f"../{target}.html"
        ),
    )
    doctree = publish_doctree(text)
    before = doctree.astext()
    terms.link_terms(app, doctree, page)
    assert doctree.astext() == before  # no word is lost
    links = list(doctree.findall(nodes.reference))
    return [x.astext() for x in links if "term" in x["classes"]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A softmax of each logit.", ["softmax", "logit"]),
        ("Softmaxes. The softmax.", ["Softmaxes"]),
        ("Logits first.\n\nA logit then.", ["Logits"]),
        ("No optimizer state, no optimizer", ["optimizer state", "optimizer"]),
        ("optimizer\nstate in two lines", ["optimizer\nstate"]),
        ("A **softmax**, in bold.", ["softmax"]),
        ("One ``softmax`` and `softmax <https://a.b>`_ no.", []),
        ("Softmax\n=======\n\nA heading is none.\n\nThe loss", ["loss"]),
        ("Two data sets are no dataset.", ["data sets"]),
        ("A lossless, re-weight, biased word.", []),
        ("::\n\n    softmax", []),
    ],
)
def test_the_first_use_is_linked(text: str, words: list[str]):
    assert linked(text) == words


def test_a_word_in_another_sense_is_not_linked():
    assert linked("A class.") == ["class"]
    assert linked("A class.", "notebooks/01_architecture") == []


def test_pages_without_a_learner_are_left_alone():
    assert linked("The loss.", "api") == []
    assert linked("The loss.", "intro") == ["loss"]


def test_pages_with_another_sense_exist_and_use_the_word():
    for term, pages in terms.OTHER_SENSE.items():
        assert term in MEANINGS
        for page in pages:
            assert (ROOT / "book" / f"{page}.ipynb").exists()


def test_every_term_has_a_meaning_and_stands_in_its_place():
    assert all(len(meaning) > 20 for meaning in MEANINGS.values())
    names = [term for term in MEANINGS if term != "dataset"]
    assert names == sorted(names, key=str.lower) and len(names) > 80
