"""What a quantised directory says of itself: its bytes, scales counted, and how it was made."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

from pipeline.formats.parquet.safetensors_file import read_header
from pipeline.quantize.manifest import MANIFEST, manifest_of
from pipeline.runtime.files import read_object
from pipeline.train.weights import weight_files

PARTS = ("weight_packed", "weight_scale", "weight_zero_point", "weight_shape", "weight_g_idx", "input_scale", "input_zero_point",
         "weight_global_scale", "input_global_scale", "output_scale")
"""What belongs to a quantised matrix beside its ``weight``."""


def bytes_of(original: Path, quantised: Path) -> dict[str, Any]:
    """Bytes of the tensors of ``quantised``, from headers alone, and what the original's would be in bfloat16.

    ``matrices``: of those that are quantised, with all that belongs to them; ``whole``: of all, a tied head once.  Each {bytes,
    bf16, share}.  EdgeError where a file is missing or broken.
    """
    exact, kept = _tensors(original), _tensors(quantised)
    quantised_names = {name.rpartition(".")[0] for name in kept if name.rpartition(".")[2] in ("weight_packed", "weight_scale")}
    matrices = sum(size for name, (_, size) in kept.items() if _belongs(name, quantised_names))
    weights = {name: prod(shape) for name, (shape, _) in exact.items()}
    found = {"matrices": (matrices, 2 * sum(count for name, count in weights.items() if name.rpartition(".")[0] in quantised_names)),
             "whole": (sum(size for _, size in kept.values()), 2 * sum(weights.values()))}
    return {part: {"bytes": size, "bf16": bf16, "share": size / bf16 if bf16 else None} for part, (size, bf16) in found.items()}


def packed(directory: Path) -> bool:
    """Whether its matrices are kept as packed integer codes, as GPTQ, AWQ and round-to-nearest in 4 bits leave them."""
    return any(name.endswith(".weight_packed") for name in _tensors(directory))


def _belongs(name: str, quantised: set[str]) -> bool:
    module, _, part = name.rpartition(".")
    return module in quantised and part in ("weight", *PARTS)


def _tensors(directory: Path) -> dict[str, tuple[tuple[int, ...], int]]:
    """Shape and bytes of each tensor, without a head that is tied to the embedding."""
    found = {row.name: (row.shape, row.data.size) for file in weight_files(directory) for row in read_header(file).rows}  # type: ignore[union-attr]
    if read_object(directory / "config.json", "a model's configuration").get("tie_word_embeddings"):
        found.pop("lm_head.weight", None)
    return found


def manifest(quantised: Path) -> dict[str, Any] | None:
    """quantization.json; None for a directory that was not made by `edge quantize`."""
    return manifest_of(quantised) if (quantised / MANIFEST).is_file() else None


def made_by(quantised: Path) -> str:
    """What really made it, such as "angelslim fp8-static"; a fallback is told with what was asked for.  "" where it is not known."""
    if not (made := manifest(quantised)):
        return ""
    asked = made.get("asked") or {}
    told = f"{made.get('backend')} {made.get('method')}"
    return f"{told}, in place of {asked.get('backend')} {asked.get('method')}: {made['fallback']}" if made.get("fallback") else told
