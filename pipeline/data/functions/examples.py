"""An example of the function data and its file."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path

from pipeline.edge.functions import REWRITING, TOOLS
from pipeline.errors import EdgeError
from pipeline.regular_file import check_regular_file


@dataclass(frozen=True)
class Example:
    """``function``: rewriting or tools; ``user``: what the model reads; ``answer``: what it shall say; ``grammar``: its provenance."""

    function: str
    user: str
    answer: str
    grammar: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.function, self.user


def read_examples(path: Path) -> list[Example]:
    """The examples of a .jsonl file; EdgeError names file and line of the first mistake."""
    check_regular_file(path, "function data")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EdgeError(f"{path}: expected readable UTF-8 text, found {error}; check the file") from None
    examples = [_example(line, f"{path}:{number}") for number, line in enumerate(lines, start=1) if line.strip()]
    if not examples:
        raise EdgeError(f"{path}: expected at least one example, found none; write one JSON object a line")
    return examples


def _example(line: str, where: str) -> Example:
    names = [field.name for field in fields(Example)]
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict) or not set(names[:3]) <= set(row) <= set(names) or not all(isinstance(v, str) for v in row.values()):
        raise EdgeError(f"{where}: expected a JSON object of texts {', '.join(names)}, found {line[:60]!r}; correct the line")
    example = Example(**row)
    if example.function not in (REWRITING, TOOLS) or not example.user.strip() or not example.answer.strip():
        raise EdgeError(f"{where}: expected the function {REWRITING} or {TOOLS} with a question and an answer, found {line[:60]!r}; "
                        "correct it")
    return example
