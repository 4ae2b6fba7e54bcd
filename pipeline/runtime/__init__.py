"""Backends that turn a prompt's token ids into label logits; one file a backend, one small interface.

A backend NAME is the file ``NAME_runtime.py`` with ``open_runtime(model, label_ids, threads) -> Runtime``; an exported
model directory names its backend in runtime.json, a Hugging Face directory (config.json, no runtime.json) is ``torch``.
What runs on the device imports neither torch nor transformers: only ``torch_runtime`` does.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from pipeline.errors import EdgeError
from pipeline.runtime.files import read_object

SPEC = "runtime.json"


class Runtime(Protocol):
    """A loaded model: ``backend`` its name, ``provider`` what really executes it, ``threads`` on how many."""

    backend: str
    provider: str
    threads: int

    def logits(self, ids: Sequence[int]) -> np.ndarray:
        """Token ids of one whole prompt -> float32 [labels], in the order of the label tokens it was loaded with."""
        ...


def load(model: Path, label_ids: Sequence[int], threads: int) -> Runtime:
    """Open the model directory with the backend its files call for; EdgeError if none can."""
    if threads < 1:
        raise EdgeError(f"threads: expected at least 1, found {threads}")
    backend = _backend(Path(model))
    module = importlib.import_module(f"{__name__}.{backend}_runtime")
    runtime: Runtime = module.open_runtime(Path(model), list(label_ids), threads)
    return runtime


def _backend(model: Path) -> str:
    if (model / "config.json").is_file() and not (model / SPEC).exists():
        return "torch"
    backend = read_object(model / SPEC, "the runtime of an exported model").get("backend")
    known = sorted(file.stem.removesuffix("_runtime") for file in Path(__file__).parent.glob("*_runtime.py"))
    if backend not in known:
        raise EdgeError(f"{model / SPEC}: expected a backend of {', '.join(known)}, found {backend!r}; export it again")
    return str(backend)
