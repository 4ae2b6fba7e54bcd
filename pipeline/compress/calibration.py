"""The prompts that a technique looks at: training queries, exactly as they will be asked."""

from __future__ import annotations

import random
from dataclasses import dataclass

from pipeline.compress import Source
from pipeline.errors import EdgeError


@dataclass(frozen=True)
class Asked:
    """One whole prompt as token ids, and the label that its query should get: an index into the intents."""

    ids: list[int]
    label: int


def asked(source: Source, samples: int | None = None, seed: int = 42, split: str = "train") -> list[Asked]:
    """Prompts of ``samples`` records of a split (all of them for None), by the tokenizer of the model itself.

    EdgeError without data, and for an empty split.
    """
    from pipeline.data.intents import INTENTS
    from pipeline.data.records import read_records
    from pipeline.runtime.prompt import Prompt, template

    file = {"train": source.train, "validation": source.validation}[split]
    if file is None:
        raise EdgeError("expected calibration data, found none; run the recipe on a profile with data")
    records = read_records(file)
    if not records:
        raise EdgeError(f"{file}: expected at least one record to calibrate with, found none; check the data")
    chosen = records if samples is None else random.Random(seed).sample(records, min(samples, len(records)))
    prompt = Prompt(source.origin or source.model, *template(source.prompt["system"]), source.prompt["max_length"])
    of = {intent.name: i for i, intent in enumerate(INTENTS)}
    return [Asked(prompt.encode(record.query).ids, of[record.intent]) for record in chosen]


def answers(source: Source) -> list[int]:
    """The token id of each intent's label after the prompt, in the order of the intents."""
    from pipeline.data.intents import INTENTS
    from pipeline.runtime.prompt import label_ids, read_tokenizer, template

    suffix = template(source.prompt["system"]).suffix
    return label_ids(read_tokenizer(source.origin or source.model), [intent.label for intent in INTENTS], suffix)
