"""Courses with their chapters and cards, from YAML: one file a course."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pipeline.yaml_file import read_model

FOLDER = Path(__file__).with_name("courses")
Text = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Card(_Part):
    """What is known of one term.  Whatever an answer says of it stands here: ``facts`` by aspect, each a whole sentence's end.

    ``facts``: aspect (definition, formula, unit, symbol, example ...) -> what is said of it, such as
    ``{"definition": "单位正电荷所受的力", "unit": "伏特每米（V/m）"}``.
    """

    term: Text
    aliases: tuple[Text, ...] = ()
    facts: dict[Text, Text]


class Chapter(_Part):
    """``topics``: what its files are about, in words that a student would search for.  ``lab``: the topic of its laboratory, if any."""

    title: Text
    topics: tuple[Text, ...]
    lab: Text | None = None
    cards: tuple[Card, ...] = ()

    @property
    def about(self) -> tuple[str, ...]:
        """What a file of the whole chapter is about: its title, and its topics."""
        return (self.title, *self.topics)


class Course(_Part):
    """``chapters``: in their order, the first being chapter 1.  ``held_out``: no training or validation sample speaks of it."""

    name: Text
    aliases: tuple[Text, ...] = ()
    held_out: bool = False
    chapters: tuple[Chapter, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)

    @property
    def formal(self) -> bool:
        """Whether one can prove and calculate in it: its cards have formulas."""
        return any("formula" in card.facts for chapter in self.chapters for card in chapter.cards)


@cache
def all_courses() -> tuple[Course, ...]:
    """Every course of the folder, by its file's name; EdgeError names the file of the first mistake."""
    return tuple(read_model(path, Course) for path in sorted(FOLDER.glob("*.yaml")))


def held_out_in(query: str) -> list[str]:
    """The names of held-out courses, their chapters, topics and cards in the query, but for those in a longer name of another course."""
    spoken = [name for name in _names(held_out=False) if name in query]
    return [name for name in _names(held_out=True) if name in query and not any(name in other for other in spoken)]


@cache
def _names(held_out: bool) -> tuple[str, ...]:
    """Course, alias, title, topic, term: whatever a question may name."""
    return tuple(dict.fromkeys(name for course in all_courses() if course.held_out == held_out for name in (
        *course.names, *(name for chapter in course.chapters for name in (*chapter.about, *(
            word for card in chapter.cards for word in (card.term, *card.aliases)))))))
