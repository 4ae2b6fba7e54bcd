"""Near duplicates: queries whose character bigrams overlap by a Jaccard index of 0.8 or more.

The search is exact.  Two sets can reach the index t only if they share a bigram among the first n - ceil(t*n) + 1 of
each, all sets being sorted alike (prefix filtering: Chaudhuri, Ganti and Kaushik, ICDE 2006), so an inverted
index over these prefixes finds every pair.
"""

from __future__ import annotations

import math
import zlib
from collections import defaultdict
from collections.abc import Hashable, Iterator

from pipeline.data.speech import normalise

THRESHOLD = 0.8


def bigrams(query: str) -> frozenset[str]:
    """Character bigrams of the normalised query, its two ends marked so that one character has some too."""
    text = f"^{normalise(query)}$"
    return frozenset(text[i:i + 2] for i in range(len(text) - 1))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Shared part of the union, 0 to 1; two empty sets are equal."""
    return len(one & other) / len(one | other) if one or other else 1.0


class NearIndex:
    """Queries added under a key; ``find`` yields the keys of those that are near a query, in order of arrival."""

    def __init__(self, threshold: float = THRESHOLD) -> None:
        self._threshold = threshold
        self._entries: list[tuple[Hashable, frozenset[str]]] = []
        self._places: dict[str, list[int]] = defaultdict(list)

    def add(self, key: Hashable, query: str) -> None:
        grams = bigrams(query)
        for gram in self._prefix(grams):
            self._places[gram].append(len(self._entries))
        self._entries.append((key, grams))

    def find(self, query: str) -> Iterator[tuple[Hashable, float]]:
        """(key, Jaccard index) of every query added so far that is near this one."""
        grams = bigrams(query)
        candidates = {place for gram in self._prefix(grams) for place in self._places.get(gram, ())}
        for place in sorted(candidates):
            key, other = self._entries[place]
            index = jaccard(grams, other)
            if index >= self._threshold:
                yield key, index

    def _prefix(self, grams: frozenset[str]) -> list[str]:
        # Any order common to all sets is exact; a hash spreads them without a first pass over the corpus.
        ordered = sorted(grams, key=lambda gram: (zlib.crc32(gram.encode()), gram))
        return ordered[:len(ordered) - math.ceil(self._threshold * len(ordered)) + 1]
