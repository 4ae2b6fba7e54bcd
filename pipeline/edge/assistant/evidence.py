"""What the device reads in a question beside the model: what its own rules would make of it, and words of a kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pipeline.data.assistant.asking import ACTS
from pipeline.edge.assistant.cards import Cards
from pipeline.edge.assistant.library.request import request_of
from pipeline.edge.assistant.named import CourseName
from pipeline.edge.assistant.record.understanding import understand
from pipeline.errors import EdgeError
from pipeline.yaml_file import read_model

LONGEST = 200  # characters of a question that are looked at
READINGS = ("logs", "asks", "course", "chapter", "kind", "card", "aspect", "reasoning", "files")
"""An operation of the record that logs or asks; a course, chapter or kind of file; a card and something of it; words."""
_Listed = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]


class Words(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    reasoning: _Listed
    files: _Listed


class Evidence:
    """Reads with the names of the student's own courses and cards, and of questions nothing but their words."""

    def __init__(self, courses: Callable[[], Sequence[CourseName]], cards: Cards) -> None:
        self._courses, self._cards = courses, cards

    def of(self, question: str) -> tuple[bool, ...]:
        """Which of `READINGS` hold of the question's beginning."""
        question, courses = question[:LONGEST], self._known()
        operation, request, asked = understand(question, courses), request_of(question, courses), self._cards.asked(question)
        logs = operation is not None and operation.name in ACTS
        return (logs, operation is not None and not logs, request.course is not None, request.chapter is not None, request.kind is not None,
                asked is not None, asked is not None and bool(asked.aspects), any(word in question for word in _words().reasoning),
                any(word in question for word in _words().files))

    def _known(self) -> Sequence[CourseName]:
        """None where the index is damaged: whoever needs it to answer will say so."""
        try:
            return self._courses()
        except EdgeError:
            return ()


@cache
def _words() -> Words:
    return read_model(Path(__file__).with_name("evidence.yaml"), Words)
