"""How likely a text is, by the characters before each: an n-gram model of characters, smoothed after Witten and Bell (1991)."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable

START, END = "\x02", "\x03"
_ALPHABET = 4000  # characters that a text is written in


class NGrams:
    """``order``: characters that are looked at together."""

    def __init__(self, texts: Iterable[str], order: int) -> None:
        self.order = order
        grams = Counter(padded[place - length:place + 1] for padded in (START * (order - 1) + text + END for text in texts)
                        for place in range(order - 1, len(padded)) for length in range(order))
        behind: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for gram, times in grams.items():
            behind[gram[:-1]][gram[-1]] = times
        self._behind = {context: (counts, sum(counts.values())) for context, counts in behind.items()}

    def log(self, context: str, character: str) -> float:
        """Log likelihood of a character behind the last of ``context``."""
        likelihood = 1 / _ALPHABET
        for length in range(self.order):
            known = self._behind.get(context[len(context) - length:])
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
