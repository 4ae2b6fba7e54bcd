"""Whether a model that went through Parquet is the one that went in, to the last bit."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import safe_open

from pipeline.formats.parquet import to_directory, to_parquet
from pipeline.measure.measurement import Exact
from pipeline.store import Artifact
from pipeline.train.weights import weight_files

if TYPE_CHECKING:
    from torch import Tensor

CONFIGS = ("config.json", "generation_config.json")


def round_trip(*models: Artifact) -> Exact:
    """How many tensors and files are not what they were after model directory → Parquet → model directory.

    Tensors count by name, type, shape and bytes, ``config.json`` and the tokenizer by their bytes.  details: ``tensors`` compared and
    ``changed``, the first 50.
    """
    changed, compared = [], 0
    for model in models:
        with tempfile.TemporaryDirectory(prefix="round-trip-") as folder:
            to_parquet(model.path, Path(folder) / "model.parquet")
            to_directory(Path(folder) / "model.parquet", back := Path(folder) / "back")
            compared += sum(1 for _ in _names(model.path))
            changed += [f"{model.kind}: {name}" for name in _changed(model.path, back)]
    return Exact(metric="tensors_changed", unit="count", artifacts={f"{model.kind} {model.key[:8]}": model.key for model in models},
                 details={"tensors": compared, "changed": changed[:50]}, value=float(len(changed)))


def _changed(before: Path, after: Path) -> list[str]:
    import torch

    one, other = dict(_names(before)), dict(_names(after))
    differ = sorted(one.keys() ^ other.keys())
    for name in sorted(one.keys() & other.keys()):
        with safe_open(one[name], "pt") as first, safe_open(other[name], "pt") as second:
            a, b = first.get_tensor(name), second.get_tensor(name)
        if a.dtype != b.dtype or a.shape != b.shape or not torch.equal(_bytes(a), _bytes(b)):
            differ.append(name)
    kept = [file.name for file in sorted(before.iterdir()) if file.name in CONFIGS or "token" in file.name]
    return differ + [name for name in kept if not (after / name).is_file() or (before / name).read_bytes() != (after / name).read_bytes()]


def _names(directory: Path) -> Iterator[tuple[str, Path]]:
    for file in weight_files(directory):
        with safe_open(file, "pt") as tensors:
            yield from ((name, file) for name in tensors.keys())


def _bytes(tensor: Tensor) -> Tensor:
    import torch

    return tensor.contiguous().reshape(-1).view(torch.uint8)
