"""Checks of intent data, within a file and between files.

A finding is one line that begins with file:line, or with the file alone where it is about the file as a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pipeline.data.grammar import HELD_OUT_SPLITS
from pipeline.data.intents import INTENTS
from pipeline.data.near import NearIndex
from pipeline.data.records import Record, read_numbered
from pipeline.data.speech import held_out_in, normalise
from pipeline.errors import EdgeError

# The largest class may hold this many times the smallest; generated files are balanced to one record.
MAX_IMBALANCE = 3


@dataclass(frozen=True)
class Report:
    """``findings``: one line each, empty when all is well.  ``summary``: numbers by file."""

    findings: tuple[str, ...]
    summary: dict[str, dict[str, int | float]]

    def __str__(self) -> str:
        lines = [f"{name}: " + ", ".join(f"{key} {value}" for key, value in numbers.items())
                 for name, numbers in self.summary.items()]
        return "\n".join([*self.findings, *lines, f"{len(self.findings)} findings" if self.findings else "no findings"])


class _Row(NamedTuple):
    file: str
    path: Path
    line: int
    record: Record

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}"


def validate(paths: Mapping[str, Path], columns: Mapping[str, str] | None = None) -> Report:
    """Schema, class balance, duplicates and leaks of the files.

    A file's name says what it is for: test and challenge are judged on and may resemble each other, any two others
    must be apart.  The check on held-out slot values reads generated records of files named train or validation.
    """
    files, findings = _examine(paths, columns)
    balance = [finding for name, read in files.items() for finding in _imbalance(paths[name], read)]
    return Report((*findings, *balance), {name: _numbers(read) for name, read in files.items()})


def mistakes(paths: Mapping[str, Path], columns: Mapping[str, str] | None = None) -> list[str]:
    """The findings of ``validate`` that make data unfit for use: all but those about class balance."""
    return _examine(paths, columns)[1]


def _examine(paths: Mapping[str, Path], columns: Mapping[str, str] | None) -> tuple[dict[str, list[_Row]], list[str]]:
    found: list[str] = []
    files = {name: _read(name, path, columns, found) for name, path in paths.items()}
    rows = [row for read in files.values() for row in read]
    for check in (_duplicates, _near_duplicates, _shared_grammars, _held_out_values):
        found += check(rows)
    return files, found


def _read(name: str, path: Path, columns: Mapping[str, str] | None, findings: list[str]) -> list[_Row]:
    try:
        return [_Row(name, path, line, record) for line, record in read_numbered(path, columns, findings)]
    except EdgeError as unreadable:
        findings.append(str(unreadable))
        return []


def _numbers(rows: list[_Row]) -> dict[str, int | float]:
    lengths = sorted(len(row.record.query) for row in rows) or [0]
    counts = Counter(row.record.intent for row in rows)
    return {
        "records": len(rows),
        **{intent.name: counts[intent.name] for intent in INTENTS},
        "grammars": len({row.record.grammar for row in rows if row.record.grammar}),
        "median_characters": lengths[len(lengths) // 2],
        "longest": lengths[-1],
    }


def _imbalance(path: Path, rows: list[_Row]) -> Iterator[str]:
    counts = Counter(row.record.intent for row in rows)
    if not rows:
        return
    for intent in INTENTS:
        if counts[intent.name] * MAX_IMBALANCE < max(counts.values()):
            yield (f"{path}: expected each intent within {MAX_IMBALANCE} times of the largest, found "
                   f"{counts[intent.name]} {intent.name} against {max(counts.values())}; add queries of it")


def _duplicates(rows: list[_Row]) -> Iterator[str]:
    first: dict[str, _Row] = {}
    for row in rows:
        earlier = first.setdefault(normalise(row.record.query), row)
        if earlier is row:
            continue
        kind = "leak" if earlier.file != row.file else "duplicate"
        other = "" if earlier.record.intent == row.record.intent else f", there labelled {earlier.record.intent}"
        yield f"{row.place}: {kind}: {row.record.query!r} stands already at {earlier.place}{other}; remove one"


def _near_duplicates(rows: list[_Row]) -> Iterator[str]:
    index = NearIndex()
    for place, row in enumerate(rows):
        for found, similarity in index.find(row.record.query):
            other = rows[int(str(found))]
            if _must_be_apart(row.file, other.file) and normalise(row.record.query) != normalise(other.record.query):
                yield (f"{row.place}: near duplicate ({similarity:.2f}): {row.record.query!r} resembles "
                       f"{other.record.query!r} at {other.place}; remove one")
        index.add(place, row.record.query)


def _must_be_apart(one: str, other: str) -> bool:
    return one != other and not {one, other} <= HELD_OUT_SPLITS


def _shared_grammars(rows: list[_Row]) -> Iterator[str]:
    first: dict[str, _Row] = {}
    for row in rows:
        if row.record.grammar:
            earlier = first.setdefault(row.record.grammar, row)
            if earlier.file != row.file:
                yield (f"{row.place}: shared grammar: {row.record.grammar} speaks at {earlier.place} too; "
                       "draw the files from different grammars")


def _held_out_values(rows: list[_Row]) -> Iterator[str]:
    for row in rows:
        if row.record.grammar and row.file in ("train", "validation"):
            for value in held_out_in(row.record.query):
                yield f"{row.place}: held-out value: {value!r} in {row.record.query!r}; keep it to test and challenge"
