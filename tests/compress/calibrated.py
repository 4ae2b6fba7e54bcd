"""A tiny model with queries to calibrate by, and what its matrices take in and give out."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from pipeline.compress import Source
from pipeline.compress.calibration import asked
from pipeline.compress.model import open_model, write_model
from pipeline.compress.one_shot import one_shot, open_for, weights_only
from pipeline.data.records import Record, write_records

QUERIES = ["今天天气怎么样", "现在几点了", "If it rains tomorrow, 出门要不要带伞？", "think system"]


def source_of(model: Path, folder: Path) -> Source:
    """The model with training queries and a prompt."""
    folder.mkdir(parents=True, exist_ok=True)
    write_records(folder / "train.jsonl", [Record(query, "weather_query") for query in QUERIES])
    return Source(model, train=folder / "train.jsonl", prompt={"system": "判断意图", "max_length": 64})


def as_bfloat16(model: Path, out: Path) -> Path:
    out.mkdir()
    write_model(open_model(model).to(torch.bfloat16), model, out)
    return out


def round_to_nearest(model: Path, out: Path, bits: int = 4, group: int = 32, symmetric: bool = False) -> Path:
    """The same grid as GPTQ's and AWQ's, each weight rounded by itself."""
    from llmcompressor.modifiers.quantization import QuantizationModifier

    out.mkdir()
    one_shot(out, open_for(model), model, [QuantizationModifier(**weights_only(bits, group, symmetric))])
    return out


@torch.inference_mode()
def outputs(directory: Path, source: Source, names: tuple[str, ...]) -> torch.Tensor:
    """What the named matrices of the first layer give for the prompts, side by side [tokens, outputs]."""
    model, kept = open_model(directory, torch.float32), []
    for name in names:
        model.model.layers[0].get_submodule(name).register_forward_hook(lambda _, __, out: kept.append(out[0]))
    rows = []
    for prompt in asked(source):
        kept.clear()
        model(torch.tensor([prompt.ids]))
        rows.append(torch.cat(kept, -1))
    return torch.cat(rows)


def tensors(directory: Path) -> dict[str, torch.Tensor]:
    return load_file(directory / "model.safetensors")
