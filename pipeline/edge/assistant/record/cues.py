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
        seen = [Counter(run for text in texts for run in runs(text)) for texts in examples.values()]
        sizes, everywhere = [len(texts) for texts in examples.values()], sum(seen, Counter[str]())
        self._none = [math.log(_PRIOR / (size + _PRIOR)) for size in sizes]
        self._of: dict[str, dict[int, float]] = {}
        for number, counts in enumerate(seen):
            for run, count in counts.items():
                thought = _PRIOR * everywhere[run] / sum(sizes)
                self._of.setdefault(run, {})[number] = math.log(count / thought + 1)

    def scores(self, text: str) -> dict[str, float]:
        """Log likelihoods, up to what they have in common."""
        known = [said for run in runs(text) if (said := self._of.get(run))]
        sums = [len(known) * none for none in self._none]
        for said in known:
            for number, score in said.items():
                sums[number] += score
        return dict(zip(self.names, sums, strict=True))


def runs(text: str) -> set[str]:
    whole = START + text.lower() + END
    return {whole[place:place + length] for length in range(1, LONGEST_RUN + 1) for place in range(len(whole) - length + 1)}


@cache
def cues() -> Cues:
    return Cues(examples())
