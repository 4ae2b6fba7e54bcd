"""The weights of a model directory, by their safetensors headers: no tensor is read, no torch is needed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import prod
from pathlib import Path

from safetensors import SafetensorError, safe_open

from pipeline.errors import EdgeError

Shape = tuple[int, ...]


def weight_files(directory: Path) -> list[Path]:
    """model.safetensors, or the shards that its index names."""
    whole, index = directory / "model.safetensors", directory / "model.safetensors.index.json"
    if whole.is_file():
        return [whole]
    if not index.is_file():
        raise EdgeError(f"expected model.safetensors in {directory}, found none; give a model directory that has it")
    return [directory / name for name in sorted(set(read_json(index)["weight_map"].values()))]


def shapes(files: Iterable[Path]) -> dict[str, Shape]:
    """Shape by tensor name; EdgeError for a file that is missing, truncated or no safetensors."""
    found: dict[str, Shape] = {}
    for file in files:
        try:
            with safe_open(file, "numpy") as tensors:
                found |= {name: tuple(tensors.get_slice(name).get_shape()) for name in sorted(tensors.keys())}
        except (SafetensorError, OSError) as error:
            raise EdgeError(f"expected whole weights in {file}, found: {error}; copy or build it again") from None
    return found


def count(tensors: dict[str, Shape]) -> int:
    """Number of weights; tied embeddings are stored, and so counted, once."""
    return sum(prod(shape) for shape in tensors.values())


def read_json(file: Path) -> dict:
    """A JSON object; EdgeError when the file is missing or broken."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EdgeError(f"expected JSON in {file}, found: {error}; copy or build it again") from None
    if not isinstance(value, dict):
        raise EdgeError(f"expected a JSON object in {file}, found {type(value).__name__}; copy or build it again")
    return value
