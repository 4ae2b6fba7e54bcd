"""Markdown's building blocks: text that stands for itself, and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

SPECIAL = frozenset("\\`*_[]<>|&~$#")


def plain(text: object) -> str:
    """Text from outside on one line, every character standing for itself."""
    return "".join(f"\\{letter}" if letter in SPECIAL else letter for letter in " ".join(str(text).split()))


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    """A table of cells that are Markdown already; ``numbers`` are the columns aligned right."""
    right = set(numbers)
    rule = ["---:" if place in right else "---" for place in range(len(headers))]
    return "\n".join(f"| {' | '.join(row)} |" for row in [list(headers), rule, *rows])


def document(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
