"""A tool call on its way to the tool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.edge.declared import Call


def _now() -> datetime:
    return datetime.now().astimezone()


@dataclass(frozen=True)
class ToolCall(Call):
    """A call with the question that it answers and the device's time, with its zone."""

    arguments: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    now: datetime = field(default_factory=_now)

    def get(self, argument: str) -> str:
        """The argument, or "" where the question does not say it."""
        return self.arguments.get(argument, "").strip()
