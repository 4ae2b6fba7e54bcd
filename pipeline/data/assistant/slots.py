"""What the slots of a template are filled with, and what that means for the truth."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.data.assistant import said
from pipeline.data.assistant.courses import Card, Chapter, Course, all_courses
from pipeline.data.grammar import HELD_OUT_SPLITS
from pipeline.yaml_file import read_yaml

PATH = Path(__file__).with_name("slots.yaml")


@dataclass(frozen=True)
class Place:
    """What a question is about.  ``card``: one of the chapter's, where a card is asked for."""

    course: Course
    number: int
    chapter: Chapter
    card: Card | None


@dataclass(frozen=True)
class Filled:
    """``values``: slot -> what is said there.  ``means``: the truth's entries that follow from it.  ``place``: what it speaks of."""

    place: Place
    values: dict[str, str] = field(default_factory=dict)
    means: dict[str, Any] = field(default_factory=dict)


@cache
def _words() -> dict[str, tuple[str, dict[str, list[str]]]]:
    """Slot -> the truth's entry that it states (kind, period) and its words, shared and held out."""
    content = read_yaml(PATH)
    return {value: (name, words) for name in ("kind", "period") for value, words in content[name].items()}


@cache
def _any() -> dict[str, list[str]]:
    return read_yaml(PATH)["any"]


def period_words() -> set[str]:
    """Every word that says a period."""
    return {word for name, words in _words().values() if name == "period" for part in words.values() for word in part}


def places(split: str, names: Collection[str], aspect: str) -> list[list[Place]]:
    """By course, where a sentence with these slots may be about; ``aspect``: what a card must say, "" for anything."""
    wants_card = bool({"term", "second"} & set(names))
    found = [[Place(course, number, chapter, card)
              for number, chapter in enumerate(course.chapters, start=1)
              for card in (chapter.cards if wants_card else [None]) if card is None or not aspect or aspect in card.facts]
             for course in all_courses() if split in HELD_OUT_SPLITS or not course.held_out]
    return [group for group in found if group]


def fill(names: Collection[str], split: str, rng: random.Random, aspect: str = "") -> Filled:
    """A value for each slot; all of one course, chapter and card."""
    filled = Filled(rng.choice(rng.choice(places(split, names, aspect))))
    draw = _Draw(filled.place, split in HELD_OUT_SPLITS, rng)
    for name in names:
        value, means = draw.of(name)
        filled.values[name] = value
        filled.means.update(means)
    if "title" in names:
        known = {"chapter": filled.place.number} if "course" in names else {"topic": filled.values["title"]}
        filled.means.update(known)
    return filled


class _Draw:
    """Draws what is said; the numbers of one sentence belong together."""

    def __init__(self, place: Place, held_out: bool, rng: random.Random) -> None:
        self._place, self._held_out, self._rng = place, held_out, rng
        self._total = rng.randint(3, 50)
        self._right, self._in_digits = rng.randint(1, self._total - 1), rng.random() < 0.6
        self._topic = rng.choice(place.chapter.topics)

    def of(self, name: str) -> tuple[str, Mapping[str, Any]]:
        if name in _words() or name in _any():
            return self._word(name)
        return _MEANINGS[name](self)

    def _word(self, name: str) -> tuple[str, Mapping[str, Any]]:
        value = self._rng.choice(_any()[name]) if name in _any() else name
        entry, words = _words()[value]
        return self._rng.choice(words["shared"] + words["held_out"] * self._held_out), {entry: value}

    def course(self) -> tuple[str, Mapping[str, Any]]:
        course = self._place.course
        return self._rng.choice([course.name, *course.names]), {"course": course.name}

    def chapter(self) -> tuple[str, Mapping[str, Any]]:
        return said.chapter(self._place.number, self._held_out, self._rng), {"chapter": self._place.number}

    def title(self) -> tuple[str, Mapping[str, Any]]:
        return self._place.chapter.title, {}

    def topic(self) -> tuple[str, Mapping[str, Any]]:
        return self._topic, {"topic": self._topic}

    def other(self) -> tuple[str, Mapping[str, Any]]:
        """Another topic of the chapter."""
        return self._rng.choice([topic for topic in self._place.chapter.topics if topic != self._topic]), {}

    def term(self) -> tuple[str, Mapping[str, Any]]:
        card = self._place.card
        assert card is not None
        return self._rng.choice([card.term, card.term, *card.aliases]), {"card": card.term, "course": self._place.course.name}

    def second(self) -> tuple[str, Mapping[str, Any]]:
        """Another card's term of the course."""
        cards = [card for chapter in self._place.course.chapters for card in chapter.cards if card != self._place.card]
        return self._rng.choice(cards).term, {}

    def duration(self) -> tuple[str, Mapping[str, Any]]:
        words, minutes = said.duration(self._held_out, self._rng)
        return words, {"minutes": minutes}

    def total(self) -> tuple[str, Mapping[str, Any]]:
        return said.counted(self._total, self._in_digits), {"total": self._total}

    def right(self) -> tuple[str, Mapping[str, Any]]:
        return said.counted(self._right, self._in_digits), {"right": self._right}

    def wrong(self) -> tuple[str, Mapping[str, Any]]:
        return said.counted(self._total - self._right, self._in_digits), {"right": self._right}

    def full(self) -> tuple[str, Mapping[str, Any]]:
        return self._rng.choice(["全对", "都对了", "全做对了"] + ["没有一道错的", "全部正确"] * self._held_out), {"right": self._total}


_MEANINGS: dict[str, Callable[[_Draw], tuple[str, Mapping[str, Any]]]] = {
    method.__name__: method for method in (
        _Draw.course, _Draw.chapter, _Draw.title, _Draw.topic, _Draw.other, _Draw.term, _Draw.second, _Draw.duration, _Draw.total,
        _Draw.right, _Draw.wrong, _Draw.full)}


def slot_kinds() -> frozenset[str]:
    """Every slot that a template may use."""
    return frozenset({*_MEANINGS, *_words(), *_any()})
