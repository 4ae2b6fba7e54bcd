"""A question with a mark in the place of each thing that is understood by itself: the course, chapter, duration, counts and period."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pipeline.data.assistant.asking import Period
from pipeline.edge.assistant.named import CHAPTER, CourseName, chapter_in, course_in, normalised, pattern_of
from pipeline.edge.assistant.record import marks
from pipeline.edge.assistant.record.counts import counts_in
from pipeline.edge.assistant.record.durations import minutes_in, without_durations
from pipeline.yaml_file import read_model

LONGEST = 200  # characters of a question that are looked at
STOP = "，"  # stands for any run of signs and spaces
_BETWEEN_WORDS = re.compile(r"(?<=[A-Za-z0-9]) (?=[A-Za-z0-9])")
_SIGNS = re.compile("[\\s，,。！!；;、~～…?？“”\"《》「」【】:：]+")
_QUOTED = "[《“”\"「」》 ]*"
_KEPT = "\x00"  # a space between two Latin words, while signs are replaced


class Lexicon(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    misheard: dict[str, str]
    calls: tuple[str, ...]
    periods: dict[Period, tuple[Annotated[str, Field(min_length=1)], ...]]


@dataclass(frozen=True)
class Marked:
    """``text``: with marks, `STOP` for signs.  What was understood: None where it was not said."""

    text: str
    course: CourseName | None
    chapter: int | None
    minutes: int | None
    total: int | None
    right: int | None
    period: Period


@cache
def _lexicon() -> Lexicon:
    return read_model(Path(__file__).with_name("marking.yaml"), Lexicon)


@cache
def _period_words() -> re.Pattern[str]:
    words = sorted((word for words in _lexicon().periods.values() for word in words), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, words)))


@cache
def _calls() -> re.Pattern[str]:
    calls = "|".join(map(re.escape, sorted(_lexicon().calls, key=len, reverse=True)))
    return re.compile(f"^(?:(?:{calls}){STOP}?)+(?=.)", re.IGNORECASE)


def marked(question: str, courses: Sequence[CourseName]) -> Marked:
    """At most the first `LONGEST` characters of it."""
    said = _heard(marks.without_marks(normalised(question[:LONGEST])).strip()[:LONGEST], _lexicon().misheard)
    course = course_in(said, courses)
    text, chapter = with_chapter(_without_names(said, course), course)
    counts = counts_in(without_durations(text))
    text = _period_words().sub(marks.PERIOD, counts.rest if counts.total is not None else without_durations(text))
    text = _calls().sub("", _SIGNS.sub(STOP, _BETWEEN_WORDS.sub(_KEPT, text)).replace(_KEPT, " ").strip(STOP))
    return Marked(text, course, chapter, minutes_in(said), counts.total, counts.right, _period(said))


def with_chapter(text: str, course: CourseName | None, mark: str = marks.CHAPTER) -> tuple[str, int | None]:
    """The text with a mark for the chapter; and its number, which is said, or that of the title it is called by: 讲矩阵的那一章."""
    if "章" in text and chapter_in(text) is None:
        for number, title in enumerate(course.chapters if course else (), start=1):
            called, times = re.subn(f"讲?{_QUOTED}{re.escape(title)}{_QUOTED}[的这那一整个]*章", mark, text)
            if times:
                return called, number
    return CHAPTER.sub(mark, text), chapter_in(text)


def _heard(text: str, misheard: Mapping[str, str]) -> str:
    for wrong, right in misheard.items():
        text = text.replace(wrong, right)
    return text


def _without_names(text: str, course: CourseName | None) -> str:
    for name in sorted((course.name, *course.aliases) if course else (), key=len, reverse=True):
        text = pattern_of(name).sub(marks.COURSE, text)
    return text


def _period(text: str) -> Period:
    return next((period for period, words in _lexicon().periods.items() if any(word in text for word in words)), "all")
