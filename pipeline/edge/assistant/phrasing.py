"""A model chooses how a card's facts are said; every word is one of the fixed openings, and every fact the card's.

What it writes is a plan: one to three openings, each for one fact, with {term} and {fact} standing for what the program puts there.
So it sees no text of the card but its aspects' names, and can write none (data-to-text by templates whose choice is learned, as
Wiseman et al. 2018 learn them, made safe by a grammar).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import Tokenizer

from pipeline.edge.assistant.aspects import aspect_of
from pipeline.edge.assistant.cards import Asked, Cards, plan, worded
from pipeline.edge.assistant.reply import Reply
from pipeline.edge.constraint import Constraint, grammar_tokenizer
from pipeline.edge.decoding import STOP, decode
from pipeline.edge.functions import END_OF_TURN
from pipeline.errors import EdgeError
from pipeline.runtime.generator import Generator, open_generator
from pipeline.runtime.prompt import Prompt, read_tokenizer, template

if TYPE_CHECKING:
    from pipeline.data.assistant.sample import Sample

SYSTEM = "说出卡片"
MOST_TOKENS = 200  # of a plan
PATIENCE = 0.06  # s, after which the template's words are taken


class Phrasing:
    """A generator that chooses openings and facts.  ``patience``: s that one plan may take."""

    def __init__(self, directory: Path, generator: Generator, patience: float = PATIENCE) -> None:
        sides = template(SYSTEM)
        self._generator, self._patience = generator, patience
        self._tokenizer: Tokenizer = read_tokenizer(directory)
        self._prompt = Prompt(directory, sides.prefix, sides.suffix, generator.max_length - 1)
        stop = self._tokenizer.token_to_id(END_OF_TURN)
        if stop is None:
            raise EdgeError(f"{directory}: expected a tokenizer with the token {END_OF_TURN}, found none; copy the model's own")
        self._stop, self._grammars = stop, grammar_tokenizer(self._tokenizer, stop)

    @classmethod
    def open(cls, directory: Path, threads: int, patience: float = PATIENCE) -> Phrasing:
        """Open an exported generator; EdgeError when it is missing, broken or none."""
        return cls(directory, open_generator(directory, threads), patience)

    def phrase(self, question: str, asked: Asked) -> Reply | None:
        """The answer in the model's choice of words; None where it fails or is late."""
        try:
            written = self._written(asked_as(question, asked), asked)
            return None if written is None else worded(asked.card, sentences_of(written, asked.card.facts))
        except EdgeError:
            return None

    def _written(self, user: str, asked: Asked) -> str | None:
        deadline, text = time.monotonic() + self._patience, ""
        constraint = Constraint(self._grammars, grammar(asked), "phrasing")
        decoding = decode(self._generator, self._prompt.encode(user).ids, tokenizer=self._tokenizer, max_tokens=MOST_TOKENS,
                          stop_ids=[self._stop], constraint=constraint)
        for token in decoding:
            text += token.text
            if time.monotonic() > deadline:
                return None
        return text if decoding.finish == STOP else None


def asked_as(question: str, asked: Asked) -> str:
    """What the model reads: the question, and the names of what the card has."""
    return f"{' '.join(question.split())}\n{'、'.join(map(_caption, asked.card.facts))}"


def openings(aspect: str) -> list[str]:
    """The openings of an aspect as they stand in a plan, where {fact} is told apart from other aspects' by its name."""
    return [_marked(opening, aspect) for opening in aspect_of(aspect).openings]


def grammar(asked: Asked) -> str:
    """llguidance's Lark: one sentence or two of different facts, three where three are asked; those asked for are among them."""
    facts = list(asked.card.facts)
    needed = [name for name in asked.aspects if name in facts]
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


def phrasing_rows(samples: Sequence[Sample], cards: Cards) -> list[tuple[str, str, str]]:
    """What the model is trained on: (system, user, answer) of every sample with a card, its true aspect in place of the words' guess.

    The answer's end of turn is left to the trainer.
    """
    by_term = {card.term: card for card in cards.cards}
    return [(SYSTEM, asked_as(sample.query, asked), _right_plan(sample.query, asked)) for sample in samples
            if (card := by_term.get(sample.expected.get("card", ""))) and sample.expected.get("aspect") in card.facts
            for asked in [Asked(card, (sample.expected["aspect"],))]]


def _right_plan(question: str, asked: Asked) -> str:
    return "".join(_marked(opening, name) for name, opening in plan(question, asked))


def _marked(opening: str, aspect: str) -> str:
    return opening.replace("{fact}", "{" + _caption(aspect) + "}")


def _caption(aspect: str) -> str:
    return aspect_of(aspect).caption
