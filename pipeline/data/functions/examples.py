"""An example of the function data and its file."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pipeline.data.jsonl import read_jsonl, text_of
from pipeline.edge.declared import EDITS
from pipeline.edge.functions import REWRITING, TOOL_SELECTION
from pipeline.errors import EdgeError


@dataclass(frozen=True)
class Example:
    """``function``: rewriting or tools; ``user``: the user's questions, one a line; ``grammar``: its provenance.

    ``answer``: the call that answers the question, as JSON; or the last question, standing alone.  ``edits``: of rewriting alone,
    for each question after the first the edit that makes it stand alone, a line of JSON each.
    """

    function: str
    user: str
    answer: str
    grammar: str = ""
    edits: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.function, self.user


def read_examples(path: Path) -> list[Example]:
    """The examples of a .jsonl file; EdgeError names file and line of the first mistake."""
    return [example for _, example in read_jsonl(path, _example)]


def _example(row: dict[str, Any], where: str) -> Example:
    names = [field.name for field in fields(Example)]
    if unknown := sorted(set(row) - set(names)):
        raise EdgeError(f"{where}: expected the fields {', '.join(names)}, found {unknown[0]!r:.40}; correct the line")
    example = Example(*(text_of({"grammar": "", "edits": "", **row}, name, where) for name in names))
    if example.function not in (REWRITING, TOOL_SELECTION) or not example.user.strip() or not example.answer.strip():
        raise EdgeError(f"{where}: expected the function {REWRITING} or {TOOL_SELECTION} with a question and an answer, found "
                        f"{example.function!r:.40}, {example.user!r:.40} and {example.answer!r:.40}; correct it")
    if example.function == REWRITING:
        _check_edits(example, where)
    return example


def _check_edits(example: Example, where: str) -> None:
    later, edits = example.user.count("\n"), [line for line in example.edits.split("\n") if line]
    if len(edits) != later:
        raise EdgeError(f"{where}: expected an edit for each of the {later} questions after the first, found {len(edits)}; add the missing")
    try:
        for edit in edits:
            EDITS.parse(edit)
    except EdgeError as mistake:
        raise EdgeError(f"{where}: {mistake}") from None
