"""A tool call: what the model chose for a question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


def _now() -> datetime:
    return datetime.now().astimezone()


@dataclass(frozen=True)
class Call:
    """``arguments``: texts copied from ``query``; ``now``: the device's time, with its zone."""

    name: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    now: datetime = field(default_factory=_now)

    def get(self, argument: str) -> str:
        """The argument, or "" where the question does not say it."""
        return self.arguments.get(argument, "").strip()
