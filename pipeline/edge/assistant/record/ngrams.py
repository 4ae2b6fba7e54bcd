"""How likely a text is, by the characters before each: an n-gram model of characters, smoothed after Witten and Bell (1991)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

import numpy as np

START, END = "\x02", "\x03"
_ALPHABET = 4000  # characters that a text is written in
_LAST = "\U0010ffff"  # behind every other character


class NGrams:
    """``tables``: as `count_grams` makes them; contexts are looked up there when they are first asked for."""

    def __init__(self, tables: Mapping[str, np.ndarray]) -> None:
        self.order = len(tables) // 2  # characters that are looked at together
        self._tables = [(tables[f"grams{length}"], tables[f"times{length}"]) for length in range(self.order)]
        self._behind = lru_cache(8192)(self._look_up)

    def log(self, context: str, character: str) -> float:
        """Log likelihood of a character behind the last of ``context``."""
        likelihood = 1 / _ALPHABET
        for length in range(self.order):
            known = self._behind(context[len(context) - length:])
            if known is None:
                break
            counts, total = known
            likelihood = (counts.get(character, 0) + len(counts) * likelihood) / (total + len(counts))
        return math.log(likelihood)

    def logs(self, text: str, context: str = "") -> list[float]:
        """Those of each character of ``text`` that follows ``context``."""
        whole = START * (self.order - 1) + context + text
        first = len(whole) - len(text)
        return [self.log(whole[place - self.order + 1:place], whole[place]) for place in range(first, len(whole))]

    def _look_up(self, context: str) -> tuple[dict[str, int], int] | None:
        """How often which character follows, and how often any does."""
        grams, times = self._tables[len(context)]
        place = slice(grams.searchsorted(context), grams.searchsorted(context + _LAST, "right"))
        counts = {gram[-1]: count for gram, count in zip(grams[place].tolist(), times[place].tolist(), strict=True)}
        return (counts, sum(counts.values())) if counts else None


def count_grams(texts: Iterable[str], order: int) -> dict[str, np.ndarray]:
    """By the length of what stands before its last character, ``grams``: sorted; ``times``: how often each was seen."""
    padded = [START * (order - 1) + text + END for text in texts]
    tables = {}
    for length in range(order):
        seen = Counter(text[place - length:place + 1] for text in padded for place in range(order - 1, len(text)))
        grams = sorted(seen)
        tables |= {f"grams{length}": np.array(grams), f"times{length}": np.array([seen[gram] for gram in grams], np.uint32)}
    return tables
