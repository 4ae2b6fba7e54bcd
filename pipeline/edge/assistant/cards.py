"""Knowledge cards: the one that a question is about, and what of it is asked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

from pydantic import BaseModel, ConfigDict, Field

from pipeline.edge.assistant.aspects import DEFINITION, asked_for, aspect_of, is_own
from pipeline.edge.assistant.kept import read_kept
from pipeline.edge.assistant.library.terms import asked_terms
from pipeline.edge.assistant.named import CourseName, course_in
from pipeline.edge.assistant.reply import Reply
from pipeline.errors import EdgeError

if TYPE_CHECKING:
    from pipeline.data.assistant.courses import Card, Course

MOST_BYTES = 4_000_000  # of a card file
MOST_OF = 2 / 3  # of a name's terms that a question must have
_Line = Annotated[str, Field(min_length=1, max_length=500)]
_Name = Annotated[str, Field(min_length=1, max_length=40, pattern=r"\S")]
_Aspect = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^\w[\w -]*$")]
_SPACED = re.compile(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])")  # as speech is written down: 电场 强度


class StudentCard(BaseModel):
    """A card as courses have it and the course it belongs to, if any; bounded, since anybody may have written the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    term: _Name
    aliases: tuple[_Name, ...] = Field((), max_length=20)
    facts: dict[_Aspect, _Line] = Field(min_length=1, max_length=12)
    course: str = Field("", max_length=80)


class CardFile(BaseModel):
    """``cards``: the content of a card file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cards: tuple[StudentCard, ...] = Field(max_length=20_000)


@dataclass(frozen=True)
class Asked:
    """``aspects``: what of the card the question names; none where it names nothing, which asks for its definition."""

    card: StudentCard
    aspects: tuple[str, ...]


class Phrases(Protocol):
    def phrase(self, question: str, asked: Asked) -> Reply | None: ...


class Cards:
    """The cards by their terms and aliases.  ``phrasing`` words an answer; without it, or where it has none, the template does."""

    def __init__(self, cards: Iterable[StudentCard], phrasing: Phrases | None = None) -> None:
        self.cards, self._phrasing = tuple(cards), phrasing
        self._by_name: dict[str, list[StudentCard]] = {}
        for card in self.cards:
            for name in dict.fromkeys(map(_plain, (card.term, *card.aliases))):
                self._by_name.setdefault(name, []).append(card)
        self._lengths = sorted({len(name) for name in self._by_name}, reverse=True)
        self._by_term: dict[str, list[tuple[str, list[str]]]] = {}  # by a name's first term as the index has them
        for name in self._by_name:
            if len(terms := asked_terms(name)) > 1:
                self._by_term.setdefault(terms[0], []).append((name, terms))
        self._courses = [CourseName(name) for name in dict.fromkeys(card.course for card in self.cards) if name]

    @classmethod
    def read(cls, path: Path, phrasing: Phrases | None = None, kept: Path | None = None) -> Cards:
        """The cards of a YAML file that the student may edit; EdgeError names file, card and mend.  ``kept``: as for `read_kept`."""
        if path.is_file() and path.stat().st_size > MOST_BYTES:
            raise EdgeError(f"{path}: expected at most {MOST_BYTES:,} bytes of cards, found {path.stat().st_size:,}; split it")
        return cls(read_kept(path, CardFile, kept).cards, phrasing)

    def asked(self, question: str) -> Asked | None:
        """The card by the longest name in the question, of the course that it names where several have it; None without one."""
        said = _SPACED.sub("", _plain(question))
        begin, name = next(self._names_in(said), (0, ""))
        rest = said[:begin] + " " + said[begin + len(name):]  # 单位圆 asks for no unit
        if len(near := self._nearly(said)) > len(name):
            name, rest = near, said
        if not name:
            return None
        course, cards = course_in(question, self._courses), self._by_name[name]
        card = next((card for card in cards if course and card.course == course.name), cards[0])
        return Asked(card, asked_for(rest, tuple(card.facts)))

    def answer(self, question: str) -> Reply:
        """What the card says; ``found`` is False where there is no card, or none with what is asked."""
        if (asked := self.asked(question)) is None:
            return Reply("知识卡片里没有这个概念。", found=False)
        if not set(asked.aspects) <= set(asked.card.facts):
            return _without(asked)
        return (self._phrasing and self._phrasing.phrase(question, asked)) or template(question, asked)

    def _names_in(self, said: str) -> Iterator[tuple[int, str]]:
        """Place and name, the longest first, then the earliest; a name of letters is no part of a longer word."""
        for length in self._lengths:
            for begin in range(len(said) - length + 1):
                name = said[begin:begin + length]
                if name in self._by_name and not _cuts_a_word(said, begin, begin + length):
                    yield begin, name

    def _nearly(self, said: str) -> str:
        """The one name that the question has in pieces, as 电场的强度: its first and last term, and most of all; "" without one."""
        asked = set(asked_terms(said))
        near = [name for first in asked for name, terms in self._by_term.get(first, ())
                if terms[-1] in asked and len(asked.intersection(terms)) >= MOST_OF * len(terms)]
        return max(near, key=len) if len({self._by_name[name][0].term for name in near}) == 1 else ""


def of_courses(courses: Iterable[Course]) -> list[StudentCard]:
    """The cards of courses, each with its course's name."""
    return [StudentCard(**card.model_dump(), course=course.name) for course in courses for chapter in course.chapters
            for card in chapter.cards]


def template(question: str, asked: Asked) -> Reply:
    """What is asked, in the openings that the question's words call for, and what goes with it."""
    return worded(asked.card, plan(question, asked))


def plan(question: str, asked: Asked) -> list[tuple[str, str]]:
    """(aspect, opening) by words alone: what is asked, else the definition or the card's first fact, then what goes with a single one."""
    facts = asked.card.facts
    said = [name for name in asked.aspects if name in facts] or [DEFINITION if DEFINITION in facts else next(iter(facts))]
    then = [name for name in [aspect_of(said[0]).then] if len(said) == 1 and name in facts]
    return [*((name, aspect_of(name).opening(question)) for name in said), *((name, aspect_of(name).opening("")) for name in then)]


def worded(card: Card | StudentCard, sentences: Iterable[tuple[str, str]]) -> Reply:
    """A reply of (aspect, opening) sentences, every fact whole and as it stands on the card."""
    said = list(sentences)
    text = "".join(_sentence(opening, card.term, card.facts[name]) for name, opening in said)
    return Reply(text, (card.term, *(part for name, _ in said for part in (*_own_name(name), card.facts[name]))))


def _own_name(aspect: str) -> tuple[str, ...]:
    """What the student called an aspect, which is then a part of what is said."""
    return (_caption(aspect),) if is_own(aspect) else ()


def _sentence(opening: str, term: str, fact: str) -> str:
    values = {"{term}": term, "{fact}": fact.rstrip("。.") or fact}
    return re.sub(r"\{(?:term|fact)\}", lambda place: values[place[0]], opening)


def _without(asked: Asked) -> Reply:
    missing = "、".join(_caption(name) for name in asked.aspects if name not in asked.card.facts)
    there = "、".join(map(_caption, asked.card.facts))
    facts = (asked.card.term, *map(_caption, (*asked.card.facts, *asked.aspects)))
    return Reply(f"“{asked.card.term}”的卡片上没有{missing}，只有{there}。", facts, found=False)


def _caption(aspect: str) -> str:
    return aspect_of(aspect).caption


def _plain(text: str) -> str:
    """As names are compared: compatible characters alike, and letters of either case."""
    return unicodedata.normalize("NFKC", text).lower()


def _cuts_a_word(text: str, begin: int, end: int) -> bool:
    def letters(pair: str) -> bool:
        return len(pair) == 2 and pair.isascii() and pair.isalnum()

    return letters(text[max(begin - 1, 0):begin + 1] if begin else "") or letters(text[end - 1:end + 1])
