"""Several compressed embeddings measured alike: what they find, and how long a question takes, in turns."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path

from pipeline.compress.chain import Compressed
from pipeline.data.retrieval.dataset import read_documents, read_questions
from pipeline.measure.ranking import Ranked, rank_all
from pipeline.progress import note
from pipeline.runtime.embedding import Embedder


def compare(compared: Sequence[Compressed], reference: Compressed | None, data: Path, threads: int,
            rounds: int) -> tuple[list[Ranked | None], Ranked | None, list[list[float]]]:
    """Of each what it makes of the challenge questions, of the reference too; and milliseconds a question.

    Without a reference nothing is said of what is found.
    """
    questions, documents = read_questions(data / "challenge.jsonl"), read_documents(data)
    found: dict[str, Ranked] = {}
    for made in (*compared, reference) if reference else ():
        if made and made.model.key not in found:
            note(f"{made.recipe.name}: {len(questions)} questions, {len(documents)} documents")
            found[made.model.key] = rank_all(opened(made, threads).embed, questions, documents, {made.recipe.name: made.model.key})
    times = in_turns([opened(made, threads) for made in compared], [question.text for question in questions], rounds)
    return [found.get(made.model.key) for made in compared], found.get(reference.model.key) if reference else None, times


def opened(made: Compressed, threads: int) -> Embedder:
    return Embedder.open(made.model.path, made.decision.path, threads)


def in_turns(embedders: Sequence[Embedder], texts: Sequence[str], rounds: int) -> list[list[float]]:
    """Milliseconds of each embedder for a question a round, the same of all, in an order drawn anew, after one round untimed."""
    times: list[list[float]] = [[] for _ in embedders]
    rng = random.Random(0)
    for number in range(rounds + 1):
        text = texts[number % len(texts)]
        for at in rng.sample(range(len(embedders)), len(embedders)):
            start = time.perf_counter()
            embedders[at].embed([text], True)
            if number:
                times[at].append((time.perf_counter() - start) * 1e3)
    return times
