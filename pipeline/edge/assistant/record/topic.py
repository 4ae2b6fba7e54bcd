"""The topic that a question names, in the words in which it does: what is said as topics are, and stands where one would."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from pipeline.edge.assistant.record.examples import topic_names
from pipeline.edge.assistant.record.marking import STOP
from pipeline.edge.assistant.record.marks import MARKS, TOPIC
from pipeline.edge.assistant.record.ngrams import END, START, NGrams

ORDER = 3  # of the n-grams
SHORTEST, LONGEST = 2, 24  # characters of what somebody would call a topic
LEAST_GAIN, LEAST_CERTAIN = 1.0, -6.0  # by how much a text must be likelier with the topic than without one, as a log likelihood
KNOWN = 3.0  # as a log likelihood, for what is known by itself
_IN_NONE, _ENDS_NONE = {STOP, *MARKS.values()}, "的了"
_WITHIN = re.compile("[a-z]{2}|[0-9]{2}")  # no topic begins or ends within a word or a number

_HAS = re.compile(f"(?:^|[{STOP}{''.join(MARKS.values())}我把将对])有$")  # not of 没有, 含有
_LETTER = math.log(1 / 26)  # how likely the next letter of a Latin word is, at least


class Topics:
    """A question is talk with at most one topic in it; ``talk`` has `TOPIC` there.  Both are told apart by their n-grams."""

    def __init__(self, talk: NGrams, names: NGrams) -> None:
        self._talk, self._names = talk, names

    def in_(self, text: str, least: float = LEAST_GAIN) -> str | None:
        """The likeliest of a text as `marked` has it; None where there is likelier to be none.

        ``least``: `LEAST_CERTAIN` where all else says that there is one.
        """
        gain, start, end = max(self._readings(text), default=(-math.inf, 0, 0))
        return text[start:end] if gain > least else None

    def with_(self, text: str, named: str) -> str:
        """The likeliest that has ``named`` in it, a topic of the student's courses: 方向导数 where only 导数 is one."""
        start = text.find(named)
        known = start, start + len(named)
        gains = {known: -math.inf} | {(first, last): gain + KNOWN * ((first, last) == known) for gain, first, last in self._readings(text)
                                      if first <= start and last >= known[1]}
        start, end = max(gains, key=gains.__getitem__)
        return text[start:end]

    def _readings(self, text: str) -> Iterator[tuple[float, int, int]]:
        """By how much the text is likelier with a topic from here to there than as mere talk."""
        said, reach = text.lower(), self._talk.order - 1
        if len(said) != len(text):  # as with İ
            return
        whole, alone = said + END, self._talk.logs(said + END)
        for start, end, name in self._parts(said):
            before, ahead = said[max(0, start - reach):start], whole[end:end + reach]
            yield name + sum(self._talk.logs(TOPIC + ahead, before)) - sum(alone[start:end + len(ahead)]), start, end

    def _parts(self, said: str) -> Iterator[tuple[int, int, float]]:
        """From where to where a topic may be, and how likely a name that is."""
        borders = [not _WITHIN.fullmatch(said[max(0, place - 1):place + 1]) for place in range(len(said) + 1)]
        for start in (place for place in range(len(said)) if borders[place]):
            name, last = 0.0, START + START
            for end in range(start + 1, min(start + LONGEST, len(said)) + 1):
                if said[end - 1] in _IN_NONE:
                    break
                least = -math.inf if borders[end - 1] else _LETTER
                name, last = name + max(self._names.log(last, said[end - 1]), least), last[-1] + said[end - 1]
                if borders[end] and end - start >= SHORTEST and said[end - 1] not in _ENDS_NONE:
                    yield start, end, name + self._names.log(last, END)


def talked(examples: Mapping[str, Sequence[str]]) -> list[str]:
    """The examples' texts in lower case, those with signs also as they are heard."""
    texts = [text.lower() for said in examples.values() for text in said]
    return [*texts, *(text.replace(STOP, "") for text in texts if STOP in text)]


def whole(topic: str, text: str) -> str:
    """A topic with the 有 before it that talk does not need, as in 有丝分裂不太会; one that is known is whole as it is."""
    place = text.find(topic)
    return f"有{topic}" if topic.lower() not in _known() and _HAS.search(text[:place]) else topic


@cache
def _known() -> frozenset[str]:
    return frozenset(name.lower() for name in topic_names())
