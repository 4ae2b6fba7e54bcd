"""Which course and chapter a question names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.edge.tools.numerals import number

CHAPTER = re.compile(r"第\s*([\d零〇一二两三四五六七八九十百]{1,7})\s*章|(?i:(?<![a-z])ch(?:apter|ap)?\.?\s*)(\d{1,3})")


@dataclass(frozen=True)
class CourseName:
    """A course by its full name, and what else it is called.

    Where they are known, ``chapters``: their titles, that of chapter 1 first; ``topics``: what its files and cards are about.
    """

    name: str
    aliases: tuple[str, ...] = ()
    chapters: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()


def course_in(question: str, courses: Sequence[CourseName]) -> CourseName | None:
    """The course that the question names, by the longest of its names; None where it names none."""
    said = question.lower()
    named = [(len(name), course) for course in courses for name in (course.name, *course.aliases) if name.lower() in said]
    return max(named, key=lambda pair: pair[0])[1] if named else None


def chapter_in(question: str) -> int | None:
    """The number of the chapter that the question names, as in 第三章, 第3章 or ch3; None where it names none."""
    found = CHAPTER.search(question)
    value = number(found[1] or found[2]) if found else None
    return None if value is None else int(value)
