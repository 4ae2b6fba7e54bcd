"""What a question wants of the study record: an operation and its arguments, by what it has in common with examples of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.edge.assistant.named import CourseName
from pipeline.edge.assistant.record.cues import cues
from pipeline.edge.assistant.record.examples import OTHER
from pipeline.edge.assistant.record.marking import Marked, marked
from pipeline.edge.assistant.record.marks import TOPIC
from pipeline.edge.assistant.record.topic import topics

RIGHT = 20.0
DOUBT = 0.0
SURE = 0.0  # by how much the likeliest operation must be ahead of the next for something to be recorded


@dataclass(frozen=True)
class Operation:
    """``name``: one of `ARGUMENTS`; ``arguments``: those that were said."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


def understand(question: str, courses: Sequence[CourseName]) -> Operation | None:
    """The operation that the question asks for; None for none of them, or where what it needs is not said."""
    said = marked(question, courses)
    likely = topics().likeliest(said.text)
    topic = _named_topic(said.text, [said.course] if said.course else courses) or (likely.words if likely.gain > 0 else None)
    name = _operation(said.text.replace(topic, TOPIC, 1) if topic else said.text, said)
    if name not in ARGUMENTS:
        return None
    known = {"course": said.course.name if said.course else None, "chapter": said.chapter, "minutes": said.minutes, "total": said.total,
             "right": said.right, "period": said.period, "topic": topic or (likely.words if name == "mark_weak" else None)}
    arguments = {one: known[one] for one in ARGUMENTS[name] if known[one] is not None}
    return Operation(name, arguments) if arguments.keys() >= set(NEEDED.get(name, ())) else None


def _operation(text: str, said: Marked) -> str:
    """The likeliest; "" where it is in doubt whether to record something."""
    scores = cues().scores(text)
    scores[OTHER] -= DOUBT
    if said.right is not None:
        scores["log_exercise"] += RIGHT
    (first, score), (_, next_score), *_ = sorted(scores.items(), key=lambda pair: -pair[1])
    return "" if first in ACTS and score - next_score < SURE else first


def _named_topic(text: str, courses: Sequence[CourseName]) -> str | None:
    """The longest topic of the courses that the text names, in the words of the text."""
    said = text.lower()
    found = max((topic for course in courses for topic in course.topics if len(topic) > 1 and topic.lower() in said), key=len, default="")
    start = said.find(found.lower())
    return text[start:start + len(found)] or None


ACTS = ("log_session", "log_exercise", "mark_weak", "finish_chapter", "undo")
"""What changes the record."""
NEEDED = {"log_session": ("minutes",), "log_exercise": ("total",), "mark_weak": ("topic",), "finish_chapter": ("chapter",)}
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "log_session": ("minutes", "course", "chapter"), "log_exercise": ("total", "right", "course", "topic"),
    "mark_weak": ("topic", "course"), "finish_chapter": ("course", "chapter"), "undo": (),
    "time_spent": ("period", "course"), "progress": ("course",), "streak": (), "accuracy": ("period", "course"),
    "weak_points": ("course",), "review_due": ("course",), "last_studied": ("course",),
}
