"""The project's own: tensor by tensor, rounded to the nearest code, without calibration and in little memory."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from torch import Tensor

from pipeline.compress.model import copy_tokenizer
from pipeline.progress import Tracker, track
from pipeline.quantize.checkpoint import CONFIG, Checkpoint, open_checkpoint
from pipeline.quantize.config import QuantizationConfig
from pipeline.quantize.journal import Journal
from pipeline.quantize.plan import Planned, into_shards, kept_modules, plan
from pipeline.quantize.rounding import quantised
from pipeline.quantize.schemes import quantization_config, scheme
from pipeline.runtime.files import write_object

METHODS = ("fp8-dynamic", "int8-dynamic", "int8-weight", "int4-rtn")
LIBRARIES = ("compressed-tensors", "safetensors", "torch", "transformers")
BESIDE = ("generation_config.json", "added_tokens.json", "tokenizer.model")
"""What a model may need beside its weights and what `copy_tokenizer` knows."""
MB = 1_000_000


def run(source: Path, out: Path, scratch: Path, config: QuantizationConfig) -> dict[str, Any]:
    """Write the quantised model.  Memory: one file of weights (``shard_megabytes``) and the largest tensor.

    Finished files lie in ``scratch`` until all are, so that a killed run goes on behind them, to the same bytes.  EdgeError for settings
    that do not fit a matrix, and when the disk refuses.
    """
    checkpoint = open_checkpoint(source)
    planned = plan(checkpoint, config)
    shards = into_shards(planned, config.shard_megabytes * MB)
    names = _names(len(shards))
    journal, done = Journal(scratch / "weights"), 0
    weight_map: dict[str, str] = {}
    with track("quantising", sum(one.before for one in planned) // MB) as bar:
        for name, shard in zip(names, shards, strict=True):
            if not journal.holds(name):
                journal.write(name, _made(checkpoint, shard, config, bar, done))
            done += sum(one.before for one in shard)
            bar.update(done // MB, f"MB, {name}")
    for name in names:
        weight_map |= dict.fromkeys(_keys(scratch / "weights" / name), name)
        shutil.move(scratch / "weights" / name, out / name)
    _write_index(out, weight_map, names, sum(one.after for one in planned))
    _write_beside(checkpoint, out, quantization_config(config, kept_modules(checkpoint, planned)))
    return {"files": len(names)}


def unable(source: Path, config: QuantizationConfig) -> str | None:
    return None


def _made(checkpoint: Checkpoint, shard: list[Planned], config: QuantizationConfig, bar: Tracker, done: int) -> dict[str, Tensor]:
    chosen, tensors = scheme(config), {}
    for one in shard:
        bar.update(done // MB, f"MB, {one.name}")
        tensor = checkpoint.read(one.name)
        if one.quantised:
            module = one.name.removesuffix("weight")
            tensors |= {module + part: value for part, value in quantised(one.name, tensor, chosen).items()}
        else:
            tensors[one.name] = tensor
        done += one.before
    return tensors


def _names(count: int) -> list[str]:
    if count == 1:
        return ["model.safetensors"]
    return [f"model-{number:05}-of-{count:05}.safetensors" for number in range(1, count + 1)]


def _keys(file: Path) -> list[str]:
    from safetensors import safe_open

    with safe_open(file, "pt") as tensors:
        return list(tensors.keys())


def _write_index(out: Path, weight_map: dict[str, str], names: list[str], total: int) -> None:
    if len(names) > 1:
        content = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
        write_object(out / "model.safetensors.index.json", content)


def _write_beside(checkpoint: Checkpoint, out: Path, quantization: dict[str, Any]) -> None:
    copy_tokenizer(checkpoint.directory, out)
    for name in BESIDE:
        if (file := checkpoint.directory / name).is_file():
            shutil.copyfile(file, out / name)
    write_object(out / CONFIG, {**checkpoint.config, "quantization_config": quantization})
