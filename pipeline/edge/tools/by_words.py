"""The tool for a question by its words alone, for a device that serves no functions model."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.edge.declared import Call
from pipeline.edge.tools.clock import zones
from pipeline.edge.tools.convert import quantities
from pipeline.edge.tools.days import holidays
from pipeline.yaml_file import read_yaml

LONGEST = 100  # characters; what is longer is no question for a tool


@dataclass(frozen=True)
class _Pattern:
    tool: str
    pattern: re.Pattern[str]
    arguments: dict[str, re.Pattern[str]]

    def call(self, query: str) -> Call | None:
        if not (found := self.pattern.search(query)):
            return None
        anywhere = {name: place[0] for name, part in self.arguments.items() if (place := part.search(query))}
        return Call(self.tool, {**{name: value for name, value in found.groupdict().items() if value}, **anywhere})


def by_words(query: str) -> Call:
    """The call of the first pattern that the question holds; chat where there is none."""
    calls = (pattern.call(query) for pattern in _patterns()) if len(query) <= LONGEST else ()
    return next(filter(None, calls), Call("chat", {}))


@cache
def _patterns() -> tuple[_Pattern, ...]:
    return tuple(_Pattern(entry["tool"], compiled(entry["pattern"]),
                          {name: compiled(part) for name, part in entry.get("arguments", {}).items()}) for entry in words()["patterns"])


@cache
def words() -> dict[str, Any]:
    """patterns.yaml."""
    return read_yaml(Path(__file__).with_name("patterns.yaml"))


def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of patterns.yaml with its <parts> written out."""
    units = [unit for known in quantities().values() for unit in known]
    known = {"unit": _any_of(units), "place": _any_of(zones()), "event": _any_of(holidays())}
    return re.compile(_filled(pattern, {**words()["parts"], **known}))


def _any_of(known: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(known, key=len, reverse=True)))


def _filled(pattern: str, parts: dict[str, str]) -> str:
    """The pattern with its <parts> written out, and theirs; ``(?P<name>`` is no part."""
    filled = re.sub(r"(?<!\?P)<(\w+)>", lambda found: f"(?:{parts[found[1]]})", pattern)
    return filled if filled == pattern else _filled(filled, parts)
