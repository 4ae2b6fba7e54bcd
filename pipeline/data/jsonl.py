"""A file of one JSON object a line: each line is read for itself, so that a broken one keeps nobody from the others."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from pipeline.data.records import MAX_LINE_BYTES, MAX_ROWS, _csv_rows, _json_rows
from pipeline.data.records import _kind as kind
from pipeline.data.records import _text as text_of
from pipeline.errors import EdgeError

__all__ = ["field_names", "format_object", "kind", "parse_object", "read_each", "read_jsonl", "text_of"]

Row = TypeVar("Row")
Read = TypeVar("Read")


def read_jsonl(path: Path, build: Callable[[dict[str, Any], str], Read], mistakes: list[str] | None = None) -> list[tuple[int, Read]]:
    """Line number and ``build(object, "file:line")`` of every line that is not blank.

    With ``mistakes`` a bad line is told there and left out; without it the first one is raised.  EdgeError for a file that
    cannot be read, is empty or endless.
    """
    return read_each(path, _json_rows(path), lambda text, where: build(parse_object(text, where), where), mistakes)


def read_each(path: Path, rows: Iterable[tuple[int, Row]], build: Callable[[Row, str], Read],
              mistakes: list[str] | None = None) -> list[tuple[int, Read]]:
    """As ``read_jsonl``, of numbered rows in any form."""
    read, count = [], 0
    for count, (line, row) in enumerate(rows, start=1):
        if count > MAX_ROWS:
            raise EdgeError(f"{path}:{line}: expected at most {MAX_ROWS:,} rows, found more; draw a sample")
        try:
            read.append((line, build(row, f"{path}:{line}")))
        except EdgeError as mistake:
            if mistakes is None:
                raise
            mistakes.append(str(mistake))
    if not count:
        raise EdgeError(f"{path}: expected at least one row, found an empty file; write one JSON object a line")
    return read


def field_names(path: Path) -> set[str]:
    """The fields of the first row that can be read, in a .csv file or one of JSON lines; none where no row can."""
    if path.suffix.lower() == ".csv":
        return {name for _, row in islice(_csv_rows(path), 1) for name in row}
    for line, text in _json_rows(path):
        with suppress(EdgeError):
            return set(parse_object(text, f"{path}:{line}"))
    return set()


def parse_object(text: str, where: str) -> dict[str, Any]:
    """The JSON object in a line; EdgeError too where a part of it would be lost: a key twice, a number that is not finite."""
    try:
        row = json.loads(text, object_pairs_hook=_each_once, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise EdgeError(f"{where}: expected a JSON object, found broken JSON ({reason:.60}); correct the line") from None
    if not isinstance(row, dict):
        raise EdgeError(f"{where}: expected a JSON object, found {kind(row)}; write one object a line")
    return row


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError("a key stands twice")
    return row


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError("a number that is not finite")
    return number


def format_object(row: dict[str, Any], where: str) -> str:
    """The row as a line that ``parse_object`` reads back; EdgeError, which begins with ``where``, if it cannot be one."""
    line = json.dumps(row, ensure_ascii=False) + "\n"
    try:
        size = len(line.encode())
    except UnicodeEncodeError:
        raise EdgeError(f"{where}: expected text in valid Unicode, found half a surrogate pair; remove it") from None
    if size > MAX_LINE_BYTES:
        raise EdgeError(f"{where}: expected a line under {MAX_LINE_BYTES:,} bytes, found {size:,}; shorten its texts")
    return line
