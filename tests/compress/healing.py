"""A tiny teacher that knows six intents by their words, and what a test of healing does with it."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from torch import nn

from pipeline.compress import Source
from pipeline.compress.lessons import Lessons, read_queries, teach
from pipeline.compress.model import decoder_layers, open_model, write_model
from pipeline.compress.training import Training, train
from pipeline.data.records import Record, write_records
from tests.export.tiny_qwen3 import NAMES, build

PROMPT = {"system": "判断意图", "max_length": 64}
WORDS = ["天气", "几点", "怎么", "rains", "system", "assistant"]
FILLERS = ["今天", "现在", "明天", "出门", "要不要", "带伞", "user", "think"]


def records(count: int, seed: int) -> list[Record]:
    rng = random.Random(seed)
    kinds = [rng.randrange(6) for _ in range(count)]
    return [Record("".join(rng.sample([WORDS[kind], *rng.choices(FILLERS, k=2)], 3)), NAMES[kind]) for kind in kinds]


def weights_of(directory: Path) -> bytes:
    return (directory / "model.safetensors").read_bytes()


def half_as_deep(model: Path, out: Path) -> Path:
    """Every other layer of a directory."""
    found = open_model(model)
    found.model.layers = nn.ModuleList(list(decoder_layers(found))[::2])
    for at, layer in enumerate(found.model.layers):
        layer.self_attn.layer_idx = at
    found.config.num_hidden_layers = len(found.model.layers)
    found.config.layer_types = found.config.layer_types[::2]
    write_model(found, model, out)
    return out


def lessons_of(source: Source, **settings: object) -> Lessons:
    return teach(source, read_queries(source, source.train), **settings)[0]


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """A teacher of four layers, trained on the labels; student and teacher of the Source are one."""
    folder = tmp_path_factory.mktemp("taught")
    base = build(folder / "base", 4)
    for split, count, seed in (("train", 160, 1), ("validation", 60, 2)):
        write_records(folder / f"{split}.jsonl", records(count, seed))
    source = Source(base, teacher=base, train=folder / "train.jsonl", validation=folder / "validation.jsonl", prompt=PROMPT)
    lessons = lessons_of(source)
    labels = replace(lessons, logits=6 * nn.functional.one_hot(lessons.labels, 6).float())
    model = open_model(base)
    train(model, labels, Training(transfer=0, epochs=3, batch_size=16, learning_rate=2e-3), folder / "scratch")
    write_model(model, base, folder / "teacher")
    return replace(source, model=folder / "teacher", teacher=folder / "teacher")
