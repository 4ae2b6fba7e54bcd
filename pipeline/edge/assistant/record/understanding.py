"""What a question wants of the study record: an operation and its arguments, by keywords in their order (understanding.yaml)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.edge.assistant.named import CourseName, chapter_in, course_in
from pipeline.edge.assistant.record.quantities import Counts, counts_in, minutes_in, without_durations
from pipeline.yaml_file import read_model

LONGEST = 200  # characters of a question that are looked at
Words = tuple[Annotated[str, Field(min_length=1)], ...]
Said = Literal["course", "chapter", "duration", "counts", "question"]
Name = Literal["log_session", "log_exercise", "mark_weak", "finish_chapter", "undo", "time_spent", "progress", "streak", "accuracy",
               "weak_points", "review_due", "last_studied"]
_CHAPTER = re.compile(r"第\s*[\d零〇一二两三四五六七八九十百]{1,7}\s*章|(?i:(?<![a-z])ch(?:apter|ap)?\.?\s*\d{1,3})")
_EDGES = "的了在是和与之里上中下那这就也还又才去来第课，。、；：！？,.;:!?~～“”\"'《》()（） \t"


@dataclass(frozen=True)
class Operation:
    """``name``: one of `Name`; ``arguments``: those that were said."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


class Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    operation: Name
    words: Words = ()
    also: Words = ()
    without: Words = ()
    needs: tuple[Said, ...] = ()
    lacks: tuple[Said, ...] = ()

    def holds(self, text: str, said: set[str]) -> bool:
        return (all(any(word in text for word in words) for words in (self.words, self.also) if words)
                and not any(word in text for word in self.without) and said.issuperset(self.needs) and said.isdisjoint(self.lacks))


class Lexicon(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    periods: dict[str, Words]
    question: Words
    rules: tuple[Rule, ...]
    filler: Words


@cache
def lexicon() -> Lexicon:
    return read_model(Path(__file__).with_name("understanding.yaml"), Lexicon)


def understand(question: str, courses: Sequence[CourseName]) -> Operation | None:
    """The operation that the question asks for; None where no rule holds."""
    text = unicodedata.normalize("NFKC", question)[:LONGEST].strip()
    course, chapter = course_in(text, courses), chapter_in(text)
    minutes, counts = minutes_in(text), counts_in(without_durations(text))
    said = {name for name, value in {
        "course": course, "chapter": chapter, "duration": minutes, "counts": counts.total,
        "question": any(word in text for word in lexicon().question) or None}.items() if value is not None}
    rule = next((rule for rule in lexicon().rules if rule.holds(text, said)), None)
    if rule is None:
        return None
    known = {
        "course": course.name if course else None, "chapter": chapter, "minutes": minutes, "total": counts.total, "right": counts.right,
        "period": _period(text),
        "topic": _topic(counts, course) if rule.operation in ("log_exercise", "mark_weak") else None,
    }
    return Operation(rule.operation, {name: known[name] for name in ARGUMENTS[rule.operation] if known[name] is not None})


ARGUMENTS: dict[str, tuple[str, ...]] = {
    "log_session": ("minutes", "course", "chapter"), "log_exercise": ("total", "right", "course", "topic"),
    "mark_weak": ("topic", "course"), "finish_chapter": ("course", "chapter"), "undo": (),
    "time_spent": ("period", "course"), "progress": ("course",), "streak": (), "accuracy": ("period", "course"),
    "weak_points": ("course",), "review_due": ("course",), "last_studied": ("course",),
}


def _period(text: str) -> str:
    return next((period for period, words in lexicon().periods.items() if any(word in text for word in words)), "all")


def _topic(counts: Counts, course: CourseName | None) -> str | None:
    """What is left of the question when all else that could be said is taken out: the longest piece."""
    text = _CHAPTER.sub("|", counts.rest)
    for name in sorted((course.name, *course.aliases) if course else (), key=len, reverse=True):
        text = re.sub(re.escape(name), "|", text, flags=re.IGNORECASE)
    pieces = [piece.strip(_EDGES) for piece in _filler().sub("|", text).split("|")]
    return max(pieces, key=len, default="") or None


@cache
def _filler() -> re.Pattern[str]:
    words = {*lexicon().filler, *(word for rule in lexicon().rules if rule.operation == "mark_weak" for word in rule.words)}
    return re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True))) + r"|[，。、；：！？,.;:!?~～]")
