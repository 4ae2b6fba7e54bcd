"""What every format says in its own words: one conversation that ends with the answer to be learnt."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.data.records import check_query
from pipeline.errors import EdgeError


@dataclass(frozen=True)
class Example:
    """``turns``: what user and assistant said in turn, the user first and last.  ``system``: "" where there is none.

    ``extras``: the fields that say something else, such as ``grammar`` or ``task_type``; they go along untouched.
    """

    system: str
    turns: tuple[str, ...]
    answer: str
    extras: dict[str, Any] = field(default_factory=dict)


Numbered = list[tuple[int, Example]]


@dataclass(frozen=True)
class Format:
    """``fields``: tell a row of it.  ``read(path, mistakes)``: its examples by line.  ``row(example, where)``: one as a JSON object.

    Both raise EdgeError, ``row`` for an example that the format cannot say without a loss.
    """

    fields: frozenset[str]
    read: Callable[[Path, list[str]], Numbered]
    row: Callable[[Example, str], dict[str, Any]]


def check_example(example: Example, where: str) -> Example:
    """The example; EdgeError where a text of it is blank, over 2,000 characters or holds a special token."""
    if example.system:
        check_query(example.system, where)
    for text in (*example.turns, example.answer):
        check_query(text, where)
    return example


def check_extras(example: Example, taken: Set[str], reader: str, where: str) -> None:
    """EdgeError where ``reader`` would take an extra field for one of its own."""
    if found := sorted(taken & set(example.extras)):
        raise EdgeError(f"{where}: expected no further field {found[0]!r}, which {reader} reads as its own; rename it")
