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
    def words(self) -> tuple[str, ...]:
        """Whatever else a question about the course may name: titles, topics, terms."""
        return tuple(name for chapter in self.chapters
                     for name in (*chapter.about, *(name for card in chapter.cards for name in (card.term, *card.aliases))))

    @property
    def formal(self) -> bool:
        """Whether one can prove and calculate in it: its cards have formulas."""
        return any("formula" in card.facts for chapter in self.chapters for card in chapter.cards)


@cache
def all_courses() -> tuple[Course, ...]:
    """Every course of the folder, by its file's name; EdgeError names the file of the first mistake."""
    return tuple(read_model(path, Course) for path in sorted(FOLDER.glob("*.yaml")))


def held_out_in(query: str) -> list[str]:
    """The names of held-out courses, and of their chapters, topics and cards, in the query."""
    return [name for name in _held_out() if name in query]


@cache
def _held_out() -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for course in all_courses() if course.held_out for name in (*course.names, *course.words)))
