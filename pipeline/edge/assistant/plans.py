"""A plan: how a card's facts are said, as a model writes it and the program fills it.

One to three openings, each for one fact, with {term} and {fact} standing for what the program puts there.  So the model sees no text of
the card but its aspects' names, and can write none (data-to-text by templates whose choice is learned, as Wiseman et al. 2018 learn
them, made safe by a grammar).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import permutations

from pipeline.data.assistant.courses import Card
from pipeline.edge.assistant.aspects import aspect_of
from pipeline.errors import EdgeError

SYSTEM = "说出卡片"
TERM = "{term}"


def asked_as(question: str, card: Card) -> str:
    """What the model reads: the question, with {term} for the card's name, and the names of what the card has.

    So what it learned of one term's questions it knows of every other's.
    """
    return f"{' '.join(named(question, card, TERM).split())}\n{'、'.join(map(_caption, card.facts))}"


def named(question: str, card: Card, said: str) -> str:
    """The question with ``said`` wherever it has the longest of the card's names that it has, in letters of either case."""
    names = sorted((card.term, *card.aliases), key=len, reverse=True)
    found = next((name for name in names if name.lower() in question.lower()), "")
    return re.sub(re.escape(found), lambda _: said, question, flags=re.IGNORECASE) if found else question


def openings(aspect: str) -> list[str]:
    """The openings of an aspect as they stand in a plan, where {fact} is told apart from other aspects' by its name."""
    return [_marked(opening, aspect) for opening in aspect_of(aspect).openings]


def plan_of(sentences: Iterable[tuple[str, str]]) -> str:
    """(aspect, opening) sentences as a plan; `sentences_of` reads it back."""
    return "".join(_marked(opening, name) for name, opening in sentences)


def grammar(facts: Sequence[str], asked: Collection[str]) -> str:
    """llguidance's Lark: one sentence or two of different facts, three where three are asked; those asked for are among them."""
    needed = [name for name in asked if name in facts]
    orders = [order for count in range(1, max(2, len(needed)) + 1) for order in permutations(range(len(facts)), count)
              if {facts[place] for place in order} >= set(needed)] if len(needed) <= 3 else [tuple(map(facts.index, needed))]
    rules = [f"start: {' | '.join(' '.join(f's{place}' for place in order) for order in orders)}"]
    return "\n".join(rules + [f"s{place}: {' | '.join(json.dumps(opening) for opening in openings(name))}"
                              for place, name in enumerate(facts)])


def sentences_of(written: str, facts: Iterable[str]) -> list[tuple[str, str]]:
    """A plan as (aspect, opening) sentences; EdgeError for one that is none."""
    known = {_marked(opening, name): (name, opening) for name in facts for opening in aspect_of(name).openings}
    return list(_split(written, dict(sorted(known.items(), key=lambda item: -len(item[0])))))


def _split(written: str, known: dict[str, tuple[str, str]]) -> Iterator[tuple[str, str]]:
    if not written:
        raise EdgeError("expected a plan of some sentences, found none; decode it under the grammar")
    while written:
        if (start := next(filter(written.startswith, known), None)) is None:
            raise EdgeError(f"expected a plan of known openings, found {written[:60]!r}; decode it under the grammar")
        yield known[start]
        written = written.removeprefix(start)


def _marked(opening: str, aspect: str) -> str:
    return opening.replace("{fact}", "{" + _caption(aspect) + "}")


def _caption(aspect: str) -> str:
    return aspect_of(aspect).caption
