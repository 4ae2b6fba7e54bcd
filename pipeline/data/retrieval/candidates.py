"""The documents that a search by words hands to a reranker: those that share the rarest pairs of characters with a question."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from pipeline.data.retrieval.dataset import Document, Question

NUMBER = 20


def candidates(questions: Sequence[Question], documents: Sequence[Document], number: int = NUMBER) -> list[list[Document]]:
    """Of each question the ``number`` documents nearest by cosine of TF-IDF over pairs of characters, the nearest first.

    Of equals the one that was given first stands first.  Whether a right one is among them is the search's matter.
    """
    counted = [Counter(_pairs(one.text)) for one in documents]
    within = Counter(pair for counts in counted for pair in counts)
    rare = {pair: math.log((1 + len(documents)) / (1 + files)) + 1 for pair, files in within.items()}
    told = [_weighted(counts, rare) for counts in counted]
    found = []
    for question in questions:
        asked = _weighted(Counter(_pairs(question.text)), rare)
        likeness = [sum(weight * one.get(pair, 0.0) for pair, weight in asked.items()) for one in told]
        found.append([documents[at] for at in sorted(range(len(documents)), key=lambda at: -likeness[at])[:number]])
    return found


def _pairs(text: str) -> list[str]:
    return [text[at:at + 2] for at in range(len(text) - 1)] or [text]


def _weighted(counts: Counter[str], rare: dict[str, float]) -> dict[str, float]:
    """Of length 1 over the pairs that some document has; empty where there are none."""
    weights = {pair: count * rare[pair] for pair, count in counts.items() if pair in rare}
    length = math.sqrt(sum(weight ** 2 for weight in weights.values()))
    return {pair: weight / length for pair, weight in weights.items()}
