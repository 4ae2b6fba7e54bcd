"""Export to MLX: a model directory of mlx-lm, plain or quantised, which `mlx_lm.generate --model` takes as well."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import EdgeError
from pipeline.export.labels import label_rows
from pipeline.mlx_program import run_mlx
from pipeline.runtime.files import read_object, write_object
from pipeline.runtime.prompt import read_tokenizer

# What is not packed stays bfloat16, the type Qwen3 is published in and Metal computes in: scales in float32 would take half a bit
# a weight more.  `pipeline.runtime.mlx_runtime` computes in float32 where bfloat16 is not to be trusted.
VARIANTS: dict[str, dict[str, Any]] = {
    "fp32": {"dtype": "float32"},
    "bf16": {"dtype": "bfloat16"},
    "8bit": {"dtype": "bfloat16", "bits": 8, "group": 64},
    "4bit": {"dtype": "bfloat16", "bits": 4, "group": 64},
    "mixed": {"dtype": "bfloat16", "recipe": "mixed_4_6", "group": 64},
}
LIBRARIES = ("mlx", "mlx-lm", "transformers")
READS_PREFIX = True
"""The exported model is told the prompt's fixed beginning, as text ``prefix`` in its config, and reads it once."""


def export(out: Path, scratch: Path, *, merged: Path, config: Mapping[str, Any]) -> None:
    """Convert a Hugging Face directory by ``mlx_lm convert``, in a process of its own, and add the runtime.json.

    config: dtype of what is not quantised; bits and group (weights that share a scale), or a mixed recipe of mlx-lm in the place
    of bits; max_length, the most ids of a prompt; prefix, the text that every prompt starts with; labels
    other than the intents'.  Layers whose width is no
    multiple of the group stay as they are.  EdgeError when mlx-lm fails, or could quantise next to nothing.
    """
    tokenizer = read_tokenizer(merged)
    ids = label_rows(tokenizer, config)
    _check_width(merged, config)
    converted = scratch / "converted"
    shutil.rmtree(converted, ignore_errors=True)  # mlx-lm refuses a directory that is there
    run_mlx(["mlx_lm", "convert", *_arguments(merged, converted, config)], log=scratch / "convert.log")
    whole = (converted / "model.safetensors").is_file()
    useless = {"README.md", *(["model.safetensors.index.json"] if whole else [])}  # a model card for a hub; where shards would lie
    for file in [file for file in converted.iterdir() if file.name not in useless]:
        shutil.move(file, out / file.name)
    write_object(out / "runtime.json", {
        "backend": "mlx", "label_ids": ids, "max_length": config["max_length"],
        "prefix": tokenizer.encode(config.get("prefix", ""), add_special_tokens=False).ids,
        "weights": {name: config[name] for name in ("dtype", "bits", "group", "recipe") if name in config},
    })


def _arguments(merged: Path, converted: Path, config: Mapping[str, Any]) -> list[str]:
    argv = ["--hf-path", str(merged.resolve()), "--mlx-path", str(converted.resolve()), "--dtype", config["dtype"]]
    if "recipe" in config:
        argv += ["--quantize", "--quant-predicate", config["recipe"], "--q-group-size", str(config["group"])]
    elif "bits" in config:
        argv += ["--quantize", "--q-bits", str(config["bits"]), "--q-group-size", str(config["group"])]
    return argv


def _check_width(merged: Path, config: Mapping[str, Any]) -> None:
    """mlx-lm leaves a layer alone whose width is no multiple of the group, and says nothing."""
    file = merged / "config.json"
    width = read_object(file, "a model's configuration").get("hidden_size")
    if "group" in config and (type(width) is not int or width % config["group"]):
        raise EdgeError(f"{file}: expected a hidden_size that is a multiple of {config['group']}, the weights that share a scale, "
                        f"found {width!r}; choose a format that is not quantised")
