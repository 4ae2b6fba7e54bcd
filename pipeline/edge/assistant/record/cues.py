"""Which operation a question means, by what it has in common with the examples: naive Bayes over runs of characters."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache

from pipeline.edge.assistant.record.examples import examples
from pipeline.edge.assistant.record.ngrams import END, START

LONGEST_RUN = 4
_PRIOR = 10  # texts that a name is thought to have besides its own, with every run as often as in all of them


class Cues:
    """``examples``: name -> texts.  A run counts once a text; one that no example has says nothing."""

    def __init__(self, examples: Mapping[str, Sequence[str]]) -> None:
        self.names = tuple(examples)
        self._seen = [Counter(run for text in texts for run in runs(text)) for texts in examples.values()]
        self._everywhere: Counter[str] = Counter()
        for counts in self._seen:
            self._everywhere.update(counts)
        sizes = [len(texts) for texts in examples.values()]
        self._none, self._thought = [math.log(_PRIOR / (size + _PRIOR)) for size in sizes], _PRIOR / sum(sizes)

    def scores(self, text: str) -> dict[str, float]:
        """Log likelihoods, up to what they have in common."""
        known = [(run, times) for run in runs(text) if (times := self._everywhere.get(run))]
        sums = [len(known) * none for none in self._none]
        for run, times in known:
            for number, counts in enumerate(self._seen):
                if count := counts.get(run):
                    sums[number] += math.log(count / (self._thought * times) + 1)
        return dict(zip(self.names, sums, strict=True))


def runs(text: str) -> set[str]:
    whole = START + text.lower() + END
    return {whole[place:place + length] for length in range(1, LONGEST_RUN + 1) for place in range(len(whole) - length + 1)}


@cache
def cues() -> Cues:
    return Cues(examples())
