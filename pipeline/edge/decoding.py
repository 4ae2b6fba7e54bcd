"""From a generator's logits to the tokens of an answer."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from collections.abc import Generator as Steps
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from pipeline.edge.constraint import Constraint
from pipeline.edge.detokeniser import Detokeniser
from pipeline.errors import EdgeError
from pipeline.runtime.decision import softmax
from pipeline.runtime.generator import Generator

STOP, LENGTH = "stop", "length"


@dataclass(frozen=True)
class Token:
    """One token of an answer.

    ``text``: the characters it completes.  ``logprob``: natural logarithm of its probability at temperature 1 among the
    tokens that the constraint allows, all of them where there is none; so 0 where it was forced.  ``top``: the most
    likely (id, logprob) of that place, best first.
    """

    id: int
    text: str
    logprob: float
    top: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Sampling:
    """How a token is chosen: the most likely one at temperature 0; else at random among the likeliest of mass ``top_p``
    (nucleus sampling, Holtzman et al. 2020), the same ones again for the same seed."""

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf or not 0 < self.top_p <= 1 or (self.seed is not None and self.seed < 0):
            raise EdgeError("expected a temperature of 0 or more, a top_p above 0 and up to 1, and a seed of 0 or more, found "
                            f"{self.temperature}, {self.top_p} and {self.seed}")


GREEDY = Sampling()


class Decoding(Iterator[Token]):
    """The tokens of one answer as they are made, without the stop token.

    ``finish``: None while they come, then STOP (a stop token, or the constraint is fulfilled) or LENGTH (cut off, so that
    what is constrained may be incomplete).
    """

    def __init__(self, steps: Steps[Token, None, str]) -> None:
        self.finish: str | None = None
        self._steps = steps

    def __next__(self) -> Token:
        try:
            return next(self._steps)
        except StopIteration as end:
            self.finish = self.finish or end.value
            raise


def decode(generator: Generator, ids: Sequence[int], *, tokenizer: Tokenizer, max_tokens: int, stop_ids: Collection[int],
           constraint: Constraint | None = None, sampling: Sampling = GREEDY, top_logprobs: int = 0) -> Decoding:
    """Continue the prompt ``ids`` by up to ``max_tokens`` ids, fewer where the model's max_length ends.

    A constraint is used up by one answer; what it forces is read with the next step, without asking the model.
    EdgeError for a prompt that the generator refuses; and, while tokens come, for logits that are not finite.
    """
    if max_tokens < 1 or top_logprobs < 0:
        raise EdgeError(f"expected max_tokens of at least 1 and top_logprobs of at least 0, found {max_tokens} and {top_logprobs}")
    generator.check(ids)
    room = min(max_tokens, generator.max_length - len(ids) + 1)  # the last token is not read again
    return Decoding(_steps(generator, ids, room, stop_ids, constraint, Detokeniser(tokenizer), _Choice(sampling, top_logprobs)))


def _steps(generator: Generator, ids: Sequence[int], room: int, stop_ids: Collection[int], constraint: Constraint | None,
           text: Detokeniser, choice: _Choice) -> Steps[Token, None, str]:
    generation, unread = None, list(ids)
    while True:
        forced = constraint.forced() if constraint else []
        yield from (Token(token_id, text.step(token_id), 0.0) for token_id in forced[:room])
        if len(forced) <= room and constraint and constraint.finished:
            return STOP
        if len(forced) >= room:
            return LENGTH
        unread, room = unread + forced, room - len(forced)
        if generation is None:
            generation = generator.start(unread)
        else:
            generation.feed(unread)
        chosen, logprob, top = choice.among(generation.logits, constraint.allowed(generator.vocabulary) if constraint else None)
        if chosen in stop_ids:
            return STOP
        if constraint:
            constraint.accept(chosen)
        yield Token(chosen, text.step(chosen), logprob, top)
        unread, room = [chosen], room - 1


class _Choice:
    def __init__(self, sampling: Sampling, top: int) -> None:
        self._sampling, self._top, self._random = sampling, top, np.random.default_rng(sampling.seed)

    def among(self, logits: np.ndarray, allowed: np.ndarray | None) -> tuple[int, float, tuple[tuple[int, float], ...]]:
        """Logits [vocabulary] and which are allowed (None: all) -> an id, its logprob and the most likely ones."""
        if not np.isfinite(logits).all():
            raise EdgeError("expected finite logits, found others; export the model again")
        values = logits.astype(np.float64)
        if allowed is not None:
            values[~allowed] = -np.inf
        logprobs = values - values.max()
        logprobs -= np.log(np.exp(logprobs).sum())
        chosen = int(values.argmax()) if self._sampling.temperature == 0 else self._drawn(values)
        likeliest = np.argsort(-logprobs, kind="stable")[: self._top] if self._top else ()
        top = tuple((int(i), float(logprobs[i])) for i in likeliest if np.isfinite(logprobs[i]))
        return chosen, float(logprobs[chosen]), top

    def _drawn(self, values: np.ndarray) -> int:
        shares = softmax((values - values.max()) / max(self._sampling.temperature, 1e-6))  # less would overflow, and is greedy anyway
        order = np.argsort(-shares, kind="stable")
        kept = order[: 1 + np.searchsorted(shares[order].cumsum(), self._sampling.top_p)]
        return int(self._random.choice(kept, p=shares[kept] / shares[kept].sum()))
