"""The prompts that a technique looks at: training texts, exactly as they will be asked."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from pipeline.compress import Source
from pipeline.compress.tasks import task_of
from pipeline.compress.tasks.query import Query
from pipeline.errors import EdgeError


@dataclass(frozen=True)
class Asked:
    """One whole prompt as token ids, and the label that its query should get: an index into the intents."""

    ids: list[int]
    label: int


def asked(source: Source, samples: int | None = None, seed: int = 42, split: str = "train") -> list[Asked]:
    """Prompts of ``samples`` texts of a split (all of them for None), by the tokenizer of the model itself.

    EdgeError without data, and for an empty split.
    """
    file = {"train": source.train, "validation": source.validation}[split]
    if file is None:
        raise EdgeError("expected calibration data, found none; run the recipe on a profile with data")
    queries = read_queries(source, file)
    if not queries:
        raise EdgeError(f"{file}: expected at least one record to calibrate with, found none; check the data")
    chosen = queries if samples is None else random.Random(seed).sample(queries, min(samples, len(queries)))
    prompt = task_of(source.prompt).prompt(source.origin or source.model, source.prompt)
    return [Asked(prompt.encode(query.text).ids, query.label) for query in chosen]


def answers(source: Source) -> list[int]:
    """The rows of the head that answer, of an intent the label's tokens after the prompt, in the order of the intents."""
    task = task_of(source.prompt)
    texts = [query.text for query in task.read(source.train, source.prompt)] if source.train and task.NEEDS_TEXTS else []
    return task.answers(source.origin or source.model, source.prompt, texts)


def read_queries(source: Source, file: Path) -> list[Query]:
    """The texts of a split as the source's task has them."""
    return task_of(source.prompt).read(file, source.prompt)
