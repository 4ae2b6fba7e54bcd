"""The weights of a model directory, by their safetensors headers: no tensor is read, no torch is needed."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from pathlib import Path

from safetensors import SafetensorError, safe_open

from pipeline.errors import EdgeError
from pipeline.runtime.files import read_object

Shape = tuple[int, ...]


def weight_files(directory: Path) -> list[Path]:
    """model.safetensors, or the shards that its index names; EdgeError when there is neither, or an index of nonsense."""
    whole, index = directory / "model.safetensors", directory / "model.safetensors.index.json"
    if whole.is_file():
        return [whole]
    if not index.is_file():
        raise EdgeError(f"expected weights, model.safetensors, in {directory}, found none; give a model directory that has them")
    shards = read_object(index, "the index of a sharded model").get("weight_map")
    if not isinstance(shards, dict) or not shards or not all(isinstance(name, str) for name in shards.values()):
        raise EdgeError(f"{index}: expected a weight_map of tensor to file, found none; download it again")
    if any(Path(name).name != name for name in shards.values()):
        raise EdgeError(f"{index}: expected files beside it, found one outside the model directory; do not use this model")
    return [directory / name for name in sorted(set(shards.values()))]


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


def model_shapes(directory: Path) -> dict[str, Shape]:
    """``shapes`` of a model directory without a head that is tied to the embedding: Qwen3-0.6B's file holds both."""
    tensors = shapes(weight_files(directory))
    if read_object(directory / "config.json", "a model's configuration").get("tie_word_embeddings"):
        tensors.pop("lm_head.weight", None)
    return tensors


def count(tensors: dict[str, Shape]) -> int:
    """Number of weights."""
    return sum(prod(shape) for shape in tensors.values())
