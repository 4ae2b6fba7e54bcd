"""Near-duplicates by character bigrams."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

THRESHOLD = 0.8


def bigrams(text: str) -> frozenset[str]:
    """The set of character bigrams of `text` without spaces and punctuation; the text itself if it has fewer than two."""
    kept = "".join(char for char in text.lower() if char.isalnum())
    return frozenset(kept[i:i + 2] for i in range(len(kept) - 1)) or frozenset({kept})


class NearDuplicates:
    """Answers whether a text resembles one of `texts` at a bigram Jaccard similarity of THRESHOLD or more."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._sizes: list[int] = []
        self._holders: dict[str, list[int]] = defaultdict(list)
        for grams in {bigrams(text) for text in texts}:
            for gram in sorted(grams):
                self._holders[gram].append(len(self._sizes))
            self._sizes.append(len(grams))

    def has(self, text: str) -> bool:
        """True if some text of the collection equals `text` or nearly does."""
        grams = bigrams(text)
        shared = Counter(holder for gram in grams for holder in self._holders.get(gram, ()))
        return any(both >= THRESHOLD * (len(grams) + self._sizes[at] - both) for at, both in shared.items())
