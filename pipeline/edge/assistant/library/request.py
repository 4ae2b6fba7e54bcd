"""What a question asks for: which course, chapter and kind of file, and about what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.edge.assistant.library.terms import asked_terms
from pipeline.edge.assistant.library.vocabulary import kinds_in, vocabulary, without
from pipeline.edge.assistant.named import CHAPTER, CourseName, chapter_in, course_in


@dataclass(frozen=True)
class Request:
    """``course``: its full name.  ``kind``: one of `KINDS`.  None: not said.  ``rest``: what else is said.

    ``words``: the terms of the rest that are searched for.  Its others only weigh in: the 相关 of 线性相关性 is dropped as a word.
    """

    course: str | None
    chapter: int | None
    kind: str | None
    words: tuple[str, ...]
    rest: str = ""


def request_of(question: str, courses: Sequence[CourseName]) -> Request:
    """The kind is the last one said (实验的讲义 asks for notes); words for others are searched for."""
    course, chapter, kinds = course_in(question, courses), chapter_in(question), kinds_in(question)
    kind, word = kinds[-1] if kinds else (None, "")
    said = [name for name in (course.name, *course.aliases) if name.lower() in question.lower()] if course else []
    rest = without(CHAPTER.sub(" ", question), [word, *said])
    words = asked_terms(without(rest, vocabulary().dropped))
    return Request(course.name if course else None, chapter, kind, tuple(words), rest)
