"""Markdown's building blocks: text that stands for itself, and tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pipeline.report.format import NONE

SPECIAL = frozenset("\\`*_[]<>|&~$#")
# Where GitHub makes a mention, a reference or a link out of plain text; a space of no width behind it keeps it from that.
LINKING = re.compile(r"[@#]|:(?=//)|www(?=\.)", re.IGNORECASE)


def plain(text: object) -> str:
    """Text from outside on one line, every character standing for itself."""
    return "".join(f"\\{letter}" if letter in SPECIAL else letter for letter in " ".join(str(text).split()))


def inert(text: object, longest: int) -> str:
    """`plain` for GitHub: nobody is mentioned and nothing is linked.  At most three times ``longest`` characters."""
    line = "".join(letter for letter in _cut(text, longest) if letter.isprintable())
    return LINKING.sub("\\g<0>\u200b", plain(line))


def code(text: object, longest: int) -> str:
    """Text from outside on one line as a code span, where nothing is markup, a mention or a link; not for a table's cell."""
    line = "".join(letter if letter.isprintable() else "\ufffd" for letter in _cut(text, longest)) or " "
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    return f"{fence} {line} {fence}"


def _cut(text: object, longest: int) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= longest else f"{line[:longest - 1]}…"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    """A table of cells that are Markdown already; ``numbers`` are the columns aligned right."""
    right = set(numbers)
    rule = ["---:" if place in right else "---" for place in range(len(headers))]
    return "\n".join(f"| {' | '.join(row)} |" for row in [list(headers), rule, *rows])


def document(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def digits(figure: float | None, places: int = 4) -> str:
    """A plain decimal number, or a dash where there is none."""
    return NONE if figure is None else f"{figure:.{places}f}"
