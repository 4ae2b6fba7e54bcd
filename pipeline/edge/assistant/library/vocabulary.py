"""The words for kinds of files, and those that a question is not searched by."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pipeline.yaml_file import read_model


class Vocabulary(BaseModel):
    """``kinds``: kind -> its names.  ``dropped``: what is said without being searched for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kinds: dict[str, tuple[str, ...]]
    dropped: tuple[str, ...]


@cache
def vocabulary() -> Vocabulary:
    return read_model(Path(__file__).with_name("words.yaml"), Vocabulary)


def kinds_in(text: str) -> list[tuple[str, str]]:
    """The kinds that a text names, each with the word, in their order; an English word stands alone or before a figure."""
    kind_of = {word: kind for kind, words in vocabulary().kinds.items() for word in words}
    return [(kind_of[found[0]], found[0]) for found in _pattern(frozenset(kind_of)).finditer(text.lower())]


def without(text: str, words: Iterable[str]) -> str:
    """The text in lower case with each of the words replaced by a blank, longest first."""
    found = _pattern(frozenset(word.lower() for word in words if word))
    return found.sub(" ", text.lower()) if found.pattern else text.lower()


@lru_cache(maxsize=256)
def _pattern(words: frozenset[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(_whole, sorted(words, key=lambda word: (-len(word), word)))))


def _whole(word: str) -> str:
    """The word as a pattern: one in Latin letters not as part of another."""
    return rf"(?<![a-z]){re.escape(word)}(?![a-z])" if word.isascii() else re.escape(word.lower())
