"""Find the numbers that the text claims, and where each comes from.

A decimal number or a percentage in a markdown cell, a caption, an alt text
or a page must stand in an output of the same notebook, in a record of
`alexnet_lib/records` or in `book/facts.toml`, perhaps with more digits.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path

from nbformat import NotebookNode

from tools.notebooks import text_of
from tools.sync_taught import ROOT

# What is not prose, and so is taken out before numbers are looked for
NOT_PROSE = [
    r"(?s)<!--.*?-->",  # comments
    r"(?m)^ *:[\w-]+:.*$",  # options of a directive
    r"`[^`]*`",  # code, roles
    r"(?s)\$\$.*?\$\$",  # formulas on a line of their own
    r"\]\([^)\s]*\)",  # addresses of links
    r"https?://\S+",
    r"<[^>\n]*>",  # tags, addresses
    r"\b\d+\.\d+\.\d[\w.]*",  # versions of three parts
    # versions of two parts, licences, numbered parts of a text
    r"(?i)\b(python|pytorch|torch|torchvision|cuda|version|v|BY|section"
    r"|chapter|figure|fig\.|table|equation)[ -]?\d+(\.\d+)+",
]
FENCE = re.compile(r" *(`{3,}|~{3,}|:{3,})(.*)")
CODE = re.compile(r"(?!\{)\S|\{(code|math|bibliography|mermaid)")
FORMULA = re.compile(r"\$((?:[^$\n]|\n(?!\n))+)\$")
NUMBER = re.compile(
    r"(?<![\w.,])(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(e[+-]?\d+)?"
    r"(?:(\s?\\?%|\sper\s?cent)|\s?(thousand|million|billion|[kM])\b)?"
)
PRINTED = re.compile(
    r"(?<![\w.])((?:\d{1,3}(?:[,_]\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?)( ?%)?"
)
SCALES = {"thousand": 3, "k": 3, "million": 6, "M": 6, "billion": 9}


def without_code(text: str) -> str:
    """Markdown without its code blocks; boxes of text stay."""
    kept, fences = [], []
    for line in text.splitlines():
        match = FENCE.match(line)
        if not match:
            if not any(is_code for _, is_code in fences):
                kept.append(line)
            continue
        fence, label = match[1], match[2].strip()
        if not label and fences and fence.startswith(fences[-1][0]):
            fences.pop()
        else:
            fences.append((fence, not label or bool(CODE.match(label))))
            kept.append(re.sub(r"^\{[^}]*\}", " ", label))
    return "\n".join(kept)


def bare_number(formula: re.Match) -> str:
    """A formula that is only a number; a blank for any other."""
    content = formula[1].replace("{,}", ",").strip()
    return content if re.fullmatch(r"[\d.,]+ *(\\?%)?", content) else " "


def prose_only(text: str) -> str:
    """Markdown without code, formulas, addresses and versions."""
    text = without_code(text)
    for pattern in NOT_PROSE:
        text = re.sub(pattern, " ", text)
    return FORMULA.sub(bare_number, text)


def claimed(text: str) -> Iterator[tuple[str, Decimal, int]]:
    """Each number to be proved: as written, its value, a power of ten.

    The value times that power of ten is what must be found.
    """
    for match in NUMBER.finditer(prose_only(text)):
        whole, decimals, exponent, percent, scale = match.groups()
        value = Decimal(whole.replace(",", "") + (decimals or ""))
        if percent:
            yield match[0], value, -2
        elif decimals:
            power = int((exponent or "e0")[1:]) + SCALES.get(scale, 0)
            yield match[0], value, power


def printed(text: str) -> set[Decimal]:
    """All numbers in what a program printed; 5 % counts as 0.05 too."""
    found = set()
    text = re.sub(r"<Figure[^>]*>", "", text)
    for number, percent in PRINTED.findall(text):
        value = Decimal(number.replace(",", "").replace("_", ""))
        found.add(value)
        if percent:
            found.add(value.scaleb(-2))
    return found


def is_proved(value: Decimal, power: int, known: set[Decimal]) -> bool:
    """Whether a known number, rounded to the digits shown, is the value."""
    digit = Decimal(1).scaleb(value.as_tuple().exponent)
    for number in known:
        shown = number.scaleb(-power)
        if abs(shown - value) < digit:
            for rounding in (ROUND_HALF_EVEN, ROUND_HALF_UP):
                if shown.quantize(digit, rounding) == value:
                    return True
    return False


def numbers_in(data: object) -> set[Decimal]:
    """All numbers in nested lists and dictionaries, those in text too."""
    if isinstance(data, dict):
        return numbers_in(list(data.values()))
    if isinstance(data, list):
        return set().union(*map(numbers_in, data))
    return printed(str(data))


def common_knowledge(root: Path = ROOT) -> set[Decimal]:
    """The numbers of all records and of the facts from the literature."""
    known = set()
    for record in sorted(root.glob("alexnet_lib/records/*.json")):
        known |= numbers_in(json.loads(record.read_text(encoding="utf-8")))
    facts = root / "book" / "facts.toml"
    if facts.exists():
        for fact in tomllib.loads(facts.read_text(encoding="utf-8")).values():
            values = numbers_in(fact["value"])
            known |= values | {value.scaleb(-2) for value in values}  # in %
    return known


def prose_of(cell: NotebookNode) -> str:
    """The text that a cell shows as prose: markdown, alt text, caption."""
    if cell.cell_type == "markdown":
        return cell.source
    myst = cell.metadata.get("mystnb", {})
    alt = myst.get("image", {}).get("alt", "")
    return f"{alt}\n{myst.get('figure', {}).get('caption', '')}"


def unproved(text: str, known: set[Decimal]) -> list[str]:
    """The numbers of a text that nothing known proves."""
    return [
        number
        for number, value, power in claimed(text)
        if not is_proved(value, power, known)
    ]


def unproved_in(book: NotebookNode, common: set[Decimal]) -> list[str]:
    """The unproved numbers of a notebook, each with its cell."""
    outputs = "\n".join(text_of(cell) for cell in book.cells)
    known = common | printed(outputs)
    return [
        f"cell {number}: {claim}"
        for number, cell in enumerate(book.cells)
        for claim in unproved(prose_of(cell), known)
    ]
