"""What may be asked of a card, and the sentences that say it: ``aspects.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.yaml_file import read_yaml

DEFINITION, OTHER = "definition", "other"


@dataclass(frozen=True)
class Aspect:
    """``words``: of questions for it.  ``openings``: sentences with {term} and {fact}, each with words that call for it.

    ``then``: the aspect that is said after it, or "".
    """

    name: str
    caption: str
    words: tuple[str, ...]
    openings: Mapping[str, tuple[str, ...]]
    then: str = ""

    def opening(self, question: str) -> str:
        """The sentence that the question's words call for, else the first."""
        return next((said for said, words in self.openings.items() if any(word in question for word in words)), next(iter(self.openings)))

    @property
    def plain(self) -> str:
        """The sentence in everyday words: the last."""
        return list(self.openings)[-1]


@cache
def aspect_of(name: str) -> Aspect:
    """The aspect of that name; one that is not in the file, a student's own, is asked for and told by its name."""
    own = name.replace("{", "").replace("}", "")  # braces would be places to fill
    known = _file()[name if name in _file() else OTHER]
    caption = known["caption"].replace("{aspect}", own)
    openings = {said.replace("{aspect}", own): tuple(words) for said, words in known["openings"].items()}
    return Aspect(name, caption, (*known["words"], caption), openings, known.get("then", ""))


def is_own(name: str) -> bool:
    """Whether an aspect is the student's own and not of the file."""
    return name not in _file() or name == OTHER


def asked_for(question: str, aspects: Iterable[str]) -> tuple[str, ...]:
    """Which of the aspects, or of the file's, the words of the question (in lower case) name, in their order.

    A word within a longer one does not count.  Where none is named, vague words such as 是什么 ask for a definition.
    """
    known = [*dict.fromkeys([*aspects, *(name for name in _file() if name != OTHER)])]
    named = _places(question, [(word, name) for name in known for word in aspect_of(name).words])
    vague = any(word in question for word in _file()[DEFINITION]["vague"])
    return tuple(dict.fromkeys(named)) or ((DEFINITION,) if vague else ())


def _places(question: str, words: Iterable[tuple[str, str]]) -> list[str]:
    """What the words that stand in the question name, by their places, those within a longer one left out."""
    places = [(begin, begin + len(word), name) for word, name in words if word and (begin := question.find(word.lower())) >= 0]
    return [name for begin, end, name in sorted(places)
            if not any(first <= begin and end <= last and last - first > end - begin for first, last, _ in places)]


@cache
def _file() -> dict[str, Any]:
    return read_yaml(Path(__file__).with_name("aspects.yaml"))
