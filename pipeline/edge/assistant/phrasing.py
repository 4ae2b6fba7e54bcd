"""A model chooses how a card's facts are said; every word is one of the fixed openings, and every fact the card's."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from tokenizers import Tokenizer

from pipeline.edge.assistant.cards import Asked, worded
from pipeline.edge.assistant.plans import SYSTEM, asked_as, grammar, sentences_of
from pipeline.edge.assistant.reply import Reply
from pipeline.edge.constraint import Constraint, grammar_tokenizer
from pipeline.edge.decoding import STOP, decode
from pipeline.edge.functions import END_OF_TURN
from pipeline.errors import EdgeError
from pipeline.runtime.generator import Generator, open_generator
from pipeline.runtime.prompt import Prompt, read_tokenizer, template

MOST_TOKENS = 200  # of a plan
PATIENCE = 0.06  # s, after which the template's words are taken


class Phrasing:
    """A generator that chooses openings and facts by a plan.  ``patience``: s that one plan may take."""

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
            written = self._written(asked_as(question, asked.card), asked)
            return None if written is None else replace(worded(asked.card, sentences_of(written, asked.card.facts)), phrased=True)
        except EdgeError:
            return None

    def _written(self, user: str, asked: Asked) -> str | None:
        deadline, text = time.monotonic() + self._patience, ""
        constraint = Constraint(self._grammars, grammar(list(asked.card.facts), asked.aspects), "phrasing")
        decoding = decode(self._generator, self._prompt.encode(user).ids, tokenizer=self._tokenizer, max_tokens=MOST_TOKENS,
                          stop_ids=[self._stop], constraint=constraint)
        for token in decoding:
            text += token.text
            if time.monotonic() > deadline:
                return None
        return text if decoding.finish == STOP else None
