"""Which operation a question means, by what it has in common with the examples: naive Bayes over runs of characters."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.edge.assistant.record.ngrams import END, START

LONGEST_RUN = 4
_PRIOR = 10  # texts that a name is thought to have besides its own, with every run as often as in all of them


class Cues:
    """``tables``: as `count_runs` makes them.  A run counts once a text; one that no example has says nothing."""

    def __init__(self, tables: Mapping[str, np.ndarray]) -> None:
        self._runs, self._seen, sizes = tables["runs"], tables["seen"], tables["sizes"]
        self.names = tuple(map(str, tables["names"]))
        self._none, self._thought = [math.log(_PRIOR / (int(size) + _PRIOR)) for size in sizes], _PRIOR / int(sizes.sum())

    def scores(self, text: str) -> dict[str, float]:
        """Log likelihoods, up to what they have in common."""
        said = np.array(sorted(runs(text)))
        places = np.minimum(self._runs.searchsorted(said), len(self._runs) - 1)
        known = self._seen[places[self._runs[places] == said]]  # [runs, names]
        sums = [len(known) * none for none in self._none]
        for counts in known.tolist():
            times = sum(counts)
            for number, count in enumerate(counts):
                if count:
                    sums[number] += math.log(count / (self._thought * times) + 1)
        return dict(zip(self.names, sums, strict=True))


def runs(text: str) -> set[str]:
    whole = START + text.lower() + END
    return {whole[place:place + length] for length in range(1, LONGEST_RUN + 1) for place in range(len(whole) - length + 1)}


def count_runs(examples: Mapping[str, Sequence[str]]) -> dict[str, np.ndarray]:
    """Name -> texts, as tables: ``names``; ``sizes``: texts by name; ``runs``: sorted; ``seen`` [runs, names]: in how many texts."""
    counts = [Counter(run for text in texts for run in runs(text)) for texts in examples.values()]
    every = sorted(set().union(*counts))
    places = {run: place for place, run in enumerate(every)}
    seen = np.zeros((len(every), len(counts)), np.uint16)
    for number, one in enumerate(counts):
        seen[[places[run] for run in one], number] = list(one.values())
    return {"names": np.array(list(examples)), "sizes": np.array([len(texts) for texts in examples.values()]),
            "runs": np.array(every), "seen": seen}
