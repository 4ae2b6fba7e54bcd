"""The topic that a question names, in the words in which it does: the part of it that is said as topics are and that stands where one would."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from pipeline.edge.assistant.record.examples import OTHER, examples, topic_names
from pipeline.edge.assistant.record.marking import STOP
from pipeline.edge.assistant.record.marks import MARKS, TOPIC
from pipeline.edge.assistant.record.ngrams import END, START, NGrams

LONGEST = 24  # characters of what somebody would call a topic
_NO_PART = {STOP, *MARKS.values()}


@dataclass(frozen=True)
class Likely:
    """``words``: the likeliest topic of a text.  ``gain``: by how much the text is likelier with it than as mere talk, as a logarithm."""

    words: str | None
    gain: float


class Topics:
    """A question is talk with at most one topic in it, of which ``talk`` has `TOPIC`; both are told apart by n-grams of characters."""

    def __init__(self, talk: Iterable[str], names: Iterable[str]) -> None:
        self._talk, self._names = NGrams((text.lower() for text in talk), order=4), NGrams((name.lower() for name in names), order=2)

    def likeliest(self, text: str) -> Likely:
        """``text``: as `marked` has it."""
        gain, start, end = max(self._readings(text), default=(-math.inf, 0, 0))
        return Likely(text[start:end] or None, gain)

    def _readings(self, text: str) -> Iterator[tuple[float, int, int]]:
        """How much likelier the text is with a topic from here to there than as mere talk."""
        said, talk, reach = text.lower(), self._talk, self._talk.order - 1
        if len(said) != len(text):
            return
        whole, alone = said + END, talk.logs(said + END)
        for start in range(len(said)):
            opened, named = talk.logs(TOPIC, said[max(0, start - reach):start] if start else "")[0], 0.0
            before = START
            for end in range(start + 1, min(start + LONGEST, len(said)) + 1):
                last = said[end - 1]
                if last in _NO_PART:
                    break
                named, before = named + self._names.log(before, last), last
                ahead = whole[end:end + reach]
                after = sum(talk.logs(ahead, said[max(0, start - reach):start] + TOPIC))
                yield opened + named + self._names.log(last, END) + after - sum(alone[start:end + len(ahead)]), start, end


@cache
def topics() -> Topics:
    return Topics((text for name, texts in examples().items() if name != OTHER for text in texts), topic_names())
