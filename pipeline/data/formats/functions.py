"""The project's own form of function data: {"function", "user", "answer", further fields}; the function names its system message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.data.formats.example import Example, Format, Numbered, check_example
from pipeline.data.jsonl import read_jsonl, text_of
from pipeline.edge.functions import SYSTEMS
from pipeline.errors import EdgeError

FIELDS = ("function", "user", "answer")
_FUNCTION_OF = {system: function for function, system in SYSTEMS.items()}


def _read(path: Path, mistakes: list[str]) -> Numbered:
    return read_jsonl(path, _example, mistakes)


def _example(row: dict[str, Any], where: str) -> Example:
    function, user, answer = (text_of(row, name, where) for name in FIELDS)
    if function not in SYSTEMS:
        raise EdgeError(f"{where}: expected a function of {', '.join(SYSTEMS)}, found {function!r:.40}; correct it")
    extras = {name: value for name, value in row.items() if name not in FIELDS}
    return check_example(Example(SYSTEMS[function], (user,), answer, extras), where)


def _row(example: Example, where: str) -> dict[str, Any]:
    function = _FUNCTION_OF.get(example.system)
    if function is None or len(example.turns) > 1:
        raise EdgeError(f"{where}: expected one question under a system message of {', '.join(_FUNCTION_OF)}, found "
                        f"{example.system!r:.40} and {len(example.turns)} turns; keep it in another format")
    if taken := set(FIELDS) & set(example.extras):
        raise EdgeError(f"{where}: expected no further field {min(taken)!r}, which function data has of its own; rename it")
    return dict(zip(FIELDS, (function, example.turns[0], example.answer), strict=True)) | example.extras


FORMAT = Format(frozenset(FIELDS), _read, _row)
