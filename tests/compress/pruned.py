"""A small Qwen3 with queries of its own, for the tests of what makes a model smaller."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from pipeline.compress import Source
from pipeline.compress.model import open_model
from pipeline.data.intents import INTENTS
from pipeline.data.records import Record, write_records
from pipeline.runtime.torch_runtime import load_model
from tests.export.tiny_qwen3 import build, compress

QUERIES = ["今天天气怎么样", "现在几点了", "明天出门要不要带伞", "If it rains tomorrow", "判断", "今天几点出门？"]


def source_of(folder: Path, change: Callable[[Any], None] | None = None, dtype: torch.dtype = torch.float32, **shape: Any) -> Source:
    """A tiny model, its weights changed and stored in ``dtype``, with queries to calibrate on."""
    model = build(folder / "model", **shape)
    if change or dtype != torch.float32:
        loaded = load_model(model)
        with torch.no_grad():
            (change or (lambda _: None))(loaded)
        loaded.to(dtype).save_pretrained(model)
    records = [Record(query, intent.name) for query, intent in zip(QUERIES, INTENTS, strict=True)]
    write_records(folder / "train.jsonl", records)
    write_records(folder / "validation.jsonl", records[:3])
    return Source(model, train=folder / "train.jsonl", validation=folder / "validation.jsonl",
                  prompt={"system": "判断意图", "max_length": 64})


def compressed(name: str, source: Source, out: Path, **settings: Any) -> dict[str, Any]:
    """The report of one technique applied."""
    compress(name, out, source, **settings)
    return json.loads((out / "compression.json").read_text())


def logits(model: Path, ids: list[int]) -> torch.Tensor:
    """[T, vocabulary] in the model's own type."""
    with torch.inference_mode():
        return open_model(model)(input_ids=torch.tensor([ids])).logits[0]
