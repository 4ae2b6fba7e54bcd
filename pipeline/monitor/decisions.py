"""The decisions that `edge serve --decisions FILE` leaves: one JSON object a line, without the query."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import EdgeError
from pipeline.regular_file import check_regular_file

LONGEST = 10_000  # characters of a line
NAME = 200  # characters of a label


@dataclass(frozen=True)
class Decision:
    """One answer.  at: Unix time in s; ms: from the request's head to the answer; confidence in [0, 1]; label: the intent."""

    at: float
    ms: float
    confidence: float
    label: str


def read_decisions(file: Path) -> Iterator[Decision]:
    """The rotated part first; EdgeError names the line that is none.  A last line without its end is still being written."""
    check_regular_file(file, "a log of decisions")
    for part in (file.with_name(f"{file.name}.1"), file):
        if part.is_file():
            yield from _read(part)


def _read(file: Path) -> Iterator[Decision]:
    with file.open("rb") as lines:
        place = 0
        while line := lines.readline(LONGEST):
            place += 1
            if not line.endswith(b"\n"):
                if len(line) == LONGEST or lines.read(1):
                    raise EdgeError(f"{file}:{place}: expected a decision, found a line longer than {LONGEST} characters; check the file")
                return
            yield _decision(line, f"{file}:{place}")


def _decision(line: bytes, where: str) -> Decision:
    try:
        told: Any = json.loads(line)
        at, ms, confidence, label = (told[name] for name in ("at", "ms", "confidence", "label"))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise EdgeError(f"{where}: expected at, ms, confidence and label as JSON, found {line[:60]!r}; take out the line") from None
    numbers = all(type(value) in (int, float) and math.isfinite(value) for value in (at, ms, confidence))
    if not numbers or ms < 0 or not 0 <= confidence <= 1 or not isinstance(label, str) or not 0 < len(label) <= NAME:
        raise EdgeError(f"{where}: expected numbers at, ms >= 0 and confidence in [0, 1], and a label, found {line[:60]!r}; take out the "
                        "line")
    return Decision(float(at), float(ms), float(confidence), label)
