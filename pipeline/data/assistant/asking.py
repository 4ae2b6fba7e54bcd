"""What may be asked of the study record and of a card, by the names that truths, understanding and answers share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Period = Literal["today", "yesterday", "this_week", "last_week", "this_month", "last_month", "all"]
PERIODS: tuple[Period, ...] = get_args(Period)
ASPECTS = ("definition", "formula", "unit", "symbol", "example", "complexity", "year", "person")


@dataclass(frozen=True)
class Arguments:
    """``needed`` and ``optional``: in the order in which they are told.  ``records``: the kind of entry it makes, "" where it asks."""

    needed: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    records: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return self.needed + self.optional


OPERATIONS = {
    "log_session": Arguments(("minutes",), ("course", "chapter"), "session"),
    "log_exercise": Arguments(("total", "right"), ("course", "topic"), "exercise"),
    "mark_weak": Arguments(("topic",), ("course",), "weak"),
    "finish_chapter": Arguments(("course", "chapter"), (), "chapter"),
    "undo": Arguments(records="undo"),
    "time_spent": Arguments(("period",), ("course",)),
    "progress": Arguments((), ("course",)),
    "streak": Arguments(),
    "accuracy": Arguments(("period",), ("course",)),
    "weak_points": Arguments((), ("course",)),
    "review_due": Arguments((), ("course",)),
    "last_studied": Arguments((), ("course",)),
}
"""Logging first, then asking."""
ACTS = tuple(name for name, arguments in OPERATIONS.items() if arguments.records)
"""What changes the record."""
