"""Which course and chapter a question names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from pipeline.edge.tools.numerals import number

CHAPTER = re.compile(r"第\s*([\d零〇一二两三四五六七八九十百]{1,7})\s*章|(?i:(?<![a-z])ch(?:apter|ap)?\.?\s*)(\d{1,3})")
_SPACE = re.compile(r"(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])")


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
    said = normalised(question)
    named = [(len(name), course) for course in courses for name in (course.name, *course.aliases) if pattern_of(name).search(said)]
    return max(named, key=lambda pair: pair[0])[1] if named else None


def normalised(text: str) -> str:
    """NFKC, with no space between Chinese characters, as a recogniser of speech may set it."""
    return _SPACE.sub("", unicodedata.normalize("NFKC", text))


@lru_cache(4096)
def pattern_of(name: str) -> re.Pattern[str]:
    """The name in a `normalised` text, in any case; with Latin letters at its ends as a whole word: OS is not in cos, and is in OS课."""
    written = normalised(name).strip()
    before, behind = (r"(?<![a-z])" if written[:1].isascii() and written[:1].isalpha() else "",
                      r"(?![a-z])" if written[-1:].isascii() and written[-1:].isalpha() else "")
    return re.compile(f"{before}{re.escape(written)}{behind}" if written else r"(?!)", re.IGNORECASE)


def chapter_in(question: str) -> int | None:
    """The number of the chapter that the question names, as in 第三章, 第3章 or ch3; None where it names none."""
    found = CHAPTER.search(question)
    value = number(found[1] or found[2]) if found else None
    return None if value is None else int(value)
