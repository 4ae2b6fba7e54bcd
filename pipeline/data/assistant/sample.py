"""A sample of the assistant's data and its file, in the documented Alpaca form."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.atomic import write_atomically
from pipeline.data.assistant.tasks import SYSTEM, TASKS
from pipeline.data.jsonl import read_jsonl, text_of
from pipeline.data.records import check_query
from pipeline.errors import EdgeError

_BY_NAME = {task.name: task for task in TASKS}


@dataclass(frozen=True)
class Sample:
    """What is asked, of which task, and the truth by which an answer is judged (``expected``, see `pipeline.data.assistant.truth`).

    ``grammar``: its provenance, such as ``course_resource/train/12``; empty for the user's own.
    """

    query: str
    task_type: str
    expected: dict[str, Any] = field(default_factory=dict)
    grammar: str = ""

    @property
    def route(self) -> str:
        return _BY_NAME[self.task_type].route

    def to_json(self) -> dict[str, Any]:
        """The documented fields; ``output`` is the label that the model learns to say."""
        return {"instruction": SYSTEM, "input": self.query, "output": _BY_NAME[self.task_type].label, "task_type": self.task_type,
                "route": self.route, "expected": self.expected, "grammar": self.grammar}

    def to_record(self) -> dict[str, Any]:
        """As the meters of decisions read it: the task is the intent."""
        return {"query": self.query, "intent": self.task_type, "should_route_to_cloud": self.route == "cloud"}


def write_samples(path: Path, samples: Iterable[Sample]) -> None:
    """One JSON object a line, UTF-8; the file appears whole or not at all."""
    write_atomically(path, "".join(json.dumps(sample.to_json(), ensure_ascii=False) + "\n" for sample in samples), durable=True)


def read_samples(path: Path) -> list[Sample]:
    """The samples of a .jsonl file; EdgeError names file and line of the first mistake."""
    return [sample for _, sample in read_numbered(path)]


def read_numbered(path: Path, mistakes: list[str] | None = None) -> list[tuple[int, Sample]]:
    """Like ``read_samples``, by line; with ``mistakes`` a bad row is told there and left out."""
    return read_jsonl(path, _sample, mistakes)


def _sample(row: dict[str, Any], where: str) -> Sample:
    query, task = text_of(row, "input", where), text_of(row, "task_type", where)
    check_query(query, where)
    if task not in _BY_NAME:
        raise EdgeError(f"{where}: expected a task_type of {', '.join(_BY_NAME)}, found {task!r:.40}; correct it")
    for name, truth in (("output", _BY_NAME[task].label), ("route", _BY_NAME[task].route)):
        if row.get(name, truth) != truth:
            raise EdgeError(f"{where}: expected the {name} {truth!r} for {task}, found {row[name]!r:.40}; correct it or leave it out")
    expected, grammar = row.get("expected", {}), row.get("grammar", "")
    if not isinstance(expected, dict) or not isinstance(grammar, str):
        raise EdgeError(f"{where}: expected an object as expected and text as grammar, found {expected!r:.40} and {grammar!r:.40}; "
                        "correct them")
    return Sample(query, task, expected, grammar)
