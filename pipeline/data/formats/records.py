"""The project's own form: a query and its intent, whose label is the answer to the query under the prompt's system message."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.data.formats.example import Example, Format, Numbered
from pipeline.data.intents import INTENTS, by_name
from pipeline.data.jsonl import read_each, read_jsonl
from pipeline.data.records import DERIVED, NAMED, Record, _cell, _csv_rows, _record
from pipeline.errors import EdgeError

_INTENT_OF = {intent.label: intent.name for intent in INTENTS}


def records_format(system: str, columns: Mapping[str, str] | None = None) -> Format:
    """Records asked under this system message; ``columns`` maps query and intent to the file's own names."""
    names = {name: name for name in NAMED} | dict(columns or {})
    return Format(frozenset((names["query"], names["intent"])), partial(_read, system, names), partial(_row, system))


def _read(system: str, names: Mapping[str, str], path: Path, mistakes: list[str]) -> Numbered:
    def of_json(row: dict[str, Any], where: str) -> Example:
        return _example(system, _record(json.dumps(row), names, where), _others(row, names))

    def of_cells(row: dict[str, str], where: str) -> Example:
        cells = {name: _cell(text) if name in DERIVED else text for name, text in row.items()}
        others = {name: value for name, value in _others(cells, names).items() if value not in (None, "")}
        return _example(system, _record(row, names, where), others)

    if path.suffix.lower() == ".csv":
        return read_each(path, _csv_rows(path), of_cells, mistakes)
    return read_jsonl(path, of_json, mistakes)


def _others(row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names.values()}


def _example(system: str, record: Record, others: Mapping[str, Any]) -> Example:
    """What follows from query and intent alone is not repeated; a confidence of the user's own, say, goes along."""
    plain = Record(record.query, record.intent).to_json()
    said = {"grammar": record.grammar, **others}
    extras = {name: value for name, value in said.items() if name not in plain or plain[name] != value}
    return Example(system, (record.query,), by_name(record.intent).label, extras)


def _row(system: str, example: Example, where: str) -> dict[str, Any]:
    intent = _INTENT_OF.get(example.answer)
    if example.system != system or len(example.turns) > 1 or intent is None:
        raise EdgeError(f"{where}: expected one query under the system message {system!r} and a label of {', '.join(_INTENT_OF)}, found "
                        f"{example.system!r:.40}, {len(example.turns)} turns and {example.answer!r:.20}; keep it in another format")
    if taken := {"query", "intent"} & set(example.extras):
        raise EdgeError(f"{where}: expected no further field {min(taken)!r}, which a record has of its own; rename it")
    row = Record(example.turns[0], intent).to_json() | example.extras
    _record(json.dumps(row), {name: name for name in NAMED}, where)
    return row
