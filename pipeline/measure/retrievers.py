"""Several compressed embeddings, or rerankers, measured alike: what they find, and how long one question, or pair, takes, in turns."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from pipeline.compress.chain import Compressed
from pipeline.data.retrieval.candidates import candidates
from pipeline.data.retrieval.dataset import Document, read_documents, read_questions
from pipeline.edge.reranker import Reranker
from pipeline.measure.ranking import Ranked, as_found, rank_all, rerank
from pipeline.progress import note
from pipeline.runtime.embedding import Embedder


class Asked:
    """The challenge questions of a data set, all documents, and the candidates that a search by words finds for each question."""

    def __init__(self, data: Path) -> None:
        self.questions, self.documents = read_questions(data / "challenge.jsonl"), read_documents(data)

    @cached_property
    def candidates(self) -> list[list[Document]]:
        return candidates(self.questions, self.documents)


class Opened(NamedTuple):
    """A model ready to be asked.  find: what it makes of all; once: of the question of this number, to be timed."""

    find: Callable[[dict[str, str]], Ranked]
    once: Callable[[int], object]


@dataclass(frozen=True)
class Compared:
    """found: of each recipe, None where nothing is said of that.  reference: the uncompressed model's.  milliseconds: of each recipe.
    unaided: the candidates in the order of the search by words, for rerankers."""

    found: list[Ranked | None]
    reference: Ranked | None
    milliseconds: list[list[float]]
    unaided: Ranked | None = None


def compare(task: str, compared: Sequence[Compressed], reference: Compressed | None, data: Path, threads: int, rounds: int) -> Compared:
    """task: of `OPEN`.  Without a reference nothing is said of what is found."""
    asked, found = Asked(data), dict[str, Ranked]()
    made_of = {made.model.key: made for made in (*compared, reference) if made}
    models = {key: OPEN[task](made, asked, threads) for key, made in made_of.items()}
    for key, made in made_of.items() if reference else ():
        note(f"{made.recipe.name}: {len(asked.questions)} questions, {len(asked.documents)} documents")
        found[key] = models[key].find({made.recipe.name: key})
    times = in_turns([models[made.model.key].once for made in compared], len(asked.questions), rounds)
    unaided = as_found(asked.questions, asked.candidates) if reference and task == "rerank" else None
    return Compared([found.get(made.model.key) for made in compared], found.get(reference.model.key) if reference else None, times, unaided)


def open_embedding(made: Compressed, asked: Asked, threads: int) -> Opened:
    """All documents are sorted; a question is timed."""
    embed = Embedder.open(made.model.path, made.decision.path, threads).embed
    return Opened(lambda artifacts: rank_all(embed, asked.questions, asked.documents, artifacts),
                  lambda number: embed([asked.questions[number].text], True))


def open_reranker(made: Compressed, asked: Asked, threads: int) -> Opened:
    """The candidates of each question are sorted; the first of them is timed."""
    model = Reranker.open(made.model.path, made.decision.path, threads)

    def score(question: str, document: str) -> float:
        return model.score(question, document)[0]

    return Opened(lambda artifacts: rerank(score, asked.questions, asked.candidates, artifacts),
                  lambda number: score(asked.questions[number].text, asked.candidates[number][0].text))


OPEN: dict[str, Callable[[Compressed, Asked, int], Opened]] = {"embedding": open_embedding, "rerank": open_reranker}


def in_turns(models: Sequence[Callable[[int], object]], questions: int, rounds: int) -> list[list[float]]:
    """Milliseconds of each model for a question a round, the same of all, in an order drawn anew, after one round untimed."""
    times: list[list[float]] = [[] for _ in models]
    rng = random.Random(0)
    for number in range(rounds + 1):
        for at in rng.sample(range(len(models)), len(models)):
            start = time.perf_counter()
            models[at](number % questions)
            if number:
                times[at].append((time.perf_counter() - start) * 1e3)
    return times
