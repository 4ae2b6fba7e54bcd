"""What a question wants of the study record: an operation and its arguments, by what it has in common with examples of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Any

from pipeline.data.assistant.asking import OPERATIONS
from pipeline.edge.assistant.named import CourseName
from pipeline.edge.assistant.record.begun import begun
from pipeline.edge.assistant.record.counted import part
from pipeline.edge.assistant.record.cues import Cues
from pipeline.edge.assistant.record.examples import OTHER
from pipeline.edge.assistant.record.marking import LONGEST, Marked, marked
from pipeline.edge.assistant.record.marks import COURSE, TOPIC
from pipeline.edge.assistant.record.ngrams import NGrams
from pipeline.edge.assistant.record.topic import LEAST_CERTAIN, Topics, whole

ADVANTAGE = 30.0  # as a log likelihood, where something was said that hardly any other operation has
ASKED = 8.0  # against what is not about the record, for only what was taken to be about it comes here
LEAST = {"log_session": "minutes", "log_exercise": "total", "mark_weak": "topic", "finish_chapter": "chapter"}
"""What must be said of an operation to be it; what else it needs is asked back."""

_ASKING = re.compile("有没有|是不是|是否|有无|[够满到]不|[吗么]|多少|多久|几[个次道章成]")


@dataclass(frozen=True)
class Operation:
    """``name``: one of `OPERATIONS`; ``arguments``: those that were said."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


def understand(question: str, courses: Sequence[CourseName]) -> Operation | None:
    """The operation that the question asks for; None for none of them, or where what it is about is not said.

    The last answer is kept: what weighs a question asks first, and then what carries it out.
    """
    return _understood(question[:LONGEST], tuple(courses))


@lru_cache(1)
def _understood(question: str, courses: tuple[CourseName, ...]) -> Operation | None:
    said = _with_course(marked(question, courses), courses)
    named = _named_topic(said.text, [said.course] if said.course else courses)
    topic = _topics().with_(said.text, named) if named else _topics().in_(said.text)
    name = _likeliest(said, topic)
    if not said.text or name not in OPERATIONS:
        return None
    if name == "mark_weak":
        topic = topic or _topics().in_(said.text, LEAST_CERTAIN)
    if topic and not named:
        topic = whole(topic, said.text)
    known = {"course": said.course.name if said.course else None, "chapter": said.chapter, "minutes": said.minutes, "total": said.total,
             "right": said.right, "period": said.period, "topic": topic}
    arguments = {one: known[one] for one in OPERATIONS[name].names if known[one] is not None}
    return Operation(name, arguments) if LEAST.get(name) in (None, *arguments) else None


def _with_course(said: Marked, courses: Sequence[CourseName]) -> Marked:
    """With the course that is called by how its name begins, where none was by its names."""
    if said.course or not (found := begun(said.text, courses, _talk())):
        return said
    return replace(said, course=found[0], text=said.text.replace(found[1], COURSE, 1))


def _likeliest(said: Marked, topic: str | None) -> str:
    scores = _cues().scores(said.text.replace(topic, TOPIC, 1) if topic else said.text)
    if not _ASKING.search(said.text):
        scores["log_exercise"] += ADVANTAGE * (said.right is not None)
        scores["log_session"] += ADVANTAGE * (said.minutes is not None)
    scores[OTHER] -= ASKED
    return max(scores, key=scores.__getitem__)


def _named_topic(text: str, courses: Sequence[CourseName]) -> str | None:
    """The longest topic of the courses that the text names, in the words of the text."""
    said = text.lower()
    found = max((topic for course in courses for topic in course.topics if len(topic) > 1 and topic.lower() in said), key=len, default="")
    start = said.find(found.lower())
    return text[start:start + len(found)] or None


@cache
def _cues() -> Cues:
    return Cues(part("cues"))


@cache
def _topics() -> Topics:
    return Topics(_talk(), NGrams(part("names")))


@cache
def _talk() -> NGrams:
    return NGrams(part("talk"))
