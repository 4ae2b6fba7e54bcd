"""Questions with one document each, relevant or not: what a reranker reads."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.data.retrieval.dataset import Document, Question, read_documents, read_questions


class Pair(NamedTuple):
    """A question, a document and whether it answers it."""

    query: str
    document: str
    relevant: bool


def read_pairs(file: Path, seed: int = 0) -> list[Pair]:
    """Of each question of a split two documents: a relevant one, and one that shares its folder with a relevant one or is any other,
    by turns.  The documents lie beside the split."""
    return list(pairs(read_questions(file), read_documents(file.parent), seed))


def pairs(questions: Sequence[Question], documents: Sequence[Document], seed: int = 0) -> Iterator[Pair]:
    rng, text = random.Random(f"{seed}/pairs"), {one.id: one.text for one in documents}
    for number, question in enumerate(questions):
        right = rng.choice(question.relevant)
        near = [one for one in text if one not in question.relevant and one.rpartition("/")[0] == right.rpartition("/")[0]]
        wrong = rng.choice(near if near and number % 2 else [one for one in text if one not in question.relevant])
        yield Pair(question.text, text[right], True)
        yield Pair(question.text, text[wrong], False)
