"""A record of intent data and its file: the documented JSON fields, or the user's own columns."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.atomic import write_atomically
from pipeline.data.intents import INTENTS, Intent, by_name
from pipeline.errors import EdgeError
from pipeline.regular_file import check_regular_file

CONFIDENCE_THRESHOLD = 0.6
MAX_CHARACTERS = 2_000
MAX_ROWS = 1_000_000
MAX_LINE_BYTES = 64_000
_SPECIAL = re.compile(r"<\|[^|<>\s]{1,40}\|>|</?(?:think|tool_call|tool_response)>")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
NAMED = ("query", "intent", "grammar")  # may have columns of other names
DERIVED = ("should_route_to_cloud", "confidence_threshold", "expected_output")  # from the intent
_NAMES = frozenset(intent.name for intent in INTENTS)


@dataclass(frozen=True)
class Record:
    """``grammar`` is the provenance of a generated query, such as ``weather_query/train/12``; empty for user data."""

    query: str
    intent: str
    grammar: str = ""

    def to_json(self) -> dict[str, Any]:
        """The documented fields; ``confidence`` is that of the truth, 1."""
        route = by_name(self.intent).route
        return {
            "query": self.query,
            "intent": self.intent,
            "should_route_to_cloud": route == "cloud",
            "confidence_threshold": CONFIDENCE_THRESHOLD,
            "expected_output": {"intent": self.intent, "confidence": 1.0, "route": route},
            "grammar": self.grammar,
        }


def write_records(path: Path, records: Iterable[Record]) -> None:
    """One JSON object a line, UTF-8; the file appears whole or not at all.  EdgeError when the disk refuses."""
    lines = (json.dumps(record.to_json(), ensure_ascii=False) + "\n" for record in records)
    write_atomically(path, "".join(lines), durable=True)


def read_records(path: Path, columns: Mapping[str, str] | None = None) -> list[Record]:
    """The records of a .jsonl or .csv file.  ``columns`` maps query and intent to the file's own names.

    Only query and intent are needed; the other documented fields are checked where they stand.  EdgeError names
    file and line of the first mistake.
    """
    return [record for _, record in read_numbered(path, columns)]


def read_numbered(path: Path, columns: Mapping[str, str] | None = None,
                  mistakes: list[str] | None = None) -> list[tuple[int, Record]]:
    """Like ``read_records``, each record with the number of its (first) line.

    With ``mistakes`` a bad row is told there and left out; without it the first one is raised.
    """
    rows = {".jsonl": _json_rows, ".csv": _csv_rows}.get(path.suffix.lower())
    if rows is None:
        raise EdgeError(f"{path}: expected a .jsonl or .csv file, found the suffix {path.suffix!r}; convert it")
    names = _column_names(columns)
    numbered, count = [], 0
    for line, row in rows(path):
        count += 1
        if count > MAX_ROWS:
            raise EdgeError(f"{path}:{line}: expected at most {MAX_ROWS:,} rows, found more; draw a sample")
        try:
            numbered.append((line, _record(row, names, f"{path}:{line}")))
        except EdgeError as mistake:
            if mistakes is None:
                raise
            mistakes.append(str(mistake))
    if not count:
        raise EdgeError(f"{path}: expected at least one record, found an empty file; write one row a query")
    return numbered


def _column_names(columns: Mapping[str, str] | None) -> dict[str, str]:
    names = {field: field for field in NAMED}
    for field, column in (columns or {}).items():
        if field not in names:
            raise EdgeError(f"expected a column mapping for query or intent, found {field!r}; write query=NAME")
        names[field] = column
    return names


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        check_regular_file(path, "a data file")
        with path.open("rb") as file:
            number = 0
            while raw := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(raw) > MAX_LINE_BYTES:
                    raise EdgeError(f"{path}:{number}: expected a line under {MAX_LINE_BYTES:,} bytes, found a longer "
                                    "one; write one record a line")
                yield number, _decode(raw, f"{path}:{number}").removeprefix("\ufeff" if number == 1 else "")
    except OSError as error:
        raise EdgeError(f"{path}: expected a readable file, found {error.strerror}; check its permissions") from None


def _decode(raw: bytes, where: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EdgeError(f"{where}: expected UTF-8, found byte 0x{raw[error.start]:02x}; save it as UTF-8") from None


def _json_rows(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in _lines(path):
        if not line.strip():
            continue
        yield number, line


def _csv_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    at = [0]

    def lines() -> Iterator[str]:
        for number, line in _lines(path):
            if "\0" in line:
                raise EdgeError(f"{path}:{number}: expected text, found a NUL character; save the file as UTF-8 text")
            at[0] = number
            yield line

    reader = csv.reader(lines(), strict=True)
    try:
        header = next(reader, None)
        if header is None:
            return
        if len(set(header)) < len(header):
            raise EdgeError(f"{path}:1: expected each column once, found {', '.join(header)}; rename one")
        first = at[0] + 1
        for values in reader:
            if values and len(values) != len(header):
                raise EdgeError(f"{path}:{first}: expected {len(header)} columns, found {len(values)}; quote commas")
            if values:
                yield first, dict(zip(header, values, strict=True))
            first = at[0] + 1
    except csv.Error as error:
        raise EdgeError(f"{path}:{at[0]}: expected valid CSV, found: {error}; correct the quotes") from None


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", "a number or nesting too large")
        raise EdgeError(f"{where}: expected a JSON object, found broken JSON ({reason}); correct the line") from None
    if not isinstance(row, dict):
        raise EdgeError(f"{where}: expected a JSON object, found {_kind(row)}; write {{\"query\": …, \"intent\": …}}")
    return row


def _record(found: str | dict[str, Any], names: Mapping[str, str], where: str) -> Record:
    row = _object(found, where) if isinstance(found, str) else found
    query, intent = (_text(row, names[field], where) for field in ("query", "intent"))
    check_query(query, where)
    if intent not in _NAMES:
        raise EdgeError(f"{where}: expected one of the intents {', '.join(i.name for i in INTENTS)}, found {intent!r}; "
                        "correct it")
    derived = {field: row[field] for field in DERIVED if field in row and field not in names.values()}
    if not isinstance(found, str):  # all that CSV has is text; in JSON a number in quotes is a mistake
        derived = {field: _cell(text) for field, text in derived.items()}
    _check_derived(derived, by_name(intent), where)
    grammar = row.get(names["grammar"], "")
    if not isinstance(grammar, str):
        raise EdgeError(f"{where}: expected the grammar as text, found {_kind(grammar)}; quote it or leave it out")
    return Record(query, intent, grammar)


def check_query(query: str, where: str) -> None:
    """EdgeError beginning with ``where`` for a query that is blank, too long or holds a special token."""
    if not query.strip():
        raise EdgeError(f"{where}: expected a query, found a blank one; write it or remove the row")
    if len(query) > MAX_CHARACTERS:
        raise EdgeError(f"{where}: expected at most {MAX_CHARACTERS:,} characters in a query, found {len(query):,}; "
                        "shorten it")
    if found := _SPECIAL.search(query):
        raise EdgeError(f"{where}: expected plain text, found the special token {found[0]}; remove it")
    if _CONTROL.search(query):
        raise EdgeError(f"{where}: expected plain text, found a control character or half a surrogate pair; remove it")


def _text(row: Mapping[str, Any], column: str, where: str) -> str:
    if column not in row:
        raise EdgeError(f"{where}: expected the field {column!r}, found {', '.join(map(str, row)) or 'no field'}; "
                        "add it or map the columns")
    if not isinstance(row[column], str):
        raise EdgeError(f"{where}: expected {column!r} to be text, found {_kind(row[column])}; quote it")
    return row[column]


def _cell(text: str) -> Any:
    """The JSON value in a CSV cell, true and false in any case; None for a blank one, the text itself where it is no JSON."""
    bare = text.strip()
    try:
        return json.loads(bare.lower() if bare.lower() in ("true", "false") else bare)
    except (ValueError, RecursionError):
        return bare or None


def _check_derived(row: Mapping[str, Any], intent: Intent, where: str) -> None:
    """The fields that follow from the intent, where a row has them, must agree with it."""
    cloud = row.get("should_route_to_cloud")
    if cloud is not None and cloud is not (intent.route == "cloud"):
        raise EdgeError(f"{where}: expected should_route_to_cloud {intent.route == 'cloud'} for {intent.name}, found "
                        f"{_shown(cloud)}; correct it or leave it out")
    if row.get("confidence_threshold") is not None:
        _check_share("confidence_threshold", row["confidence_threshold"], where)
    expected = row.get("expected_output")
    if expected is None:
        return
    if not isinstance(expected, Mapping):
        raise EdgeError(f"{where}: expected expected_output to be an object, found {_kind(expected)}; correct it or leave it out")
    for field, truth in (("intent", intent.name), ("route", intent.route)):
        if expected.get(field) != truth:
            raise EdgeError(f"{where}: expected expected_output.{field} {truth}, found {_shown(expected.get(field))}; correct it")
    _check_share("expected_output.confidence", expected.get("confidence"), where)


def _check_share(field: str, value: Any, where: str) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (number and 0 <= value <= 1):
        raise EdgeError(f"{where}: expected {field}, a number from 0 to 1, found {_shown(value)}; correct it")


def _shown(value: Any) -> str:
    return "none" if value is None else repr(value)[:40]


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
