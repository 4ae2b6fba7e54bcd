"""Backends that turn a prompt's token ids into label logits; one file a backend, one small interface.

A backend NAME is the file ``NAME_runtime.py`` with ``open_runtime(model, label_ids, threads) -> Runtime``; an exported
model directory names its backend in runtime.json, a Hugging Face directory (config.json, no runtime.json) is ``torch``.
A backend that does not run on every machine has ``why_not_here() -> str`` as well.
What runs on the device imports neither torch nor transformers: only ``torch_runtime`` does.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
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


def load(model: Path, label_ids: Sequence[int], threads: int, backend: str = "") -> Runtime:
    """Open the model directory with the backend its files call for, or with ``backend``; EdgeError if it cannot."""
    if threads < 1:
        raise EdgeError(f"threads: expected at least 1, found {threads}")
    backend = backend or backend_of(Path(model))
    if reason := why_not_here(backend):
        raise EdgeError(f"{model}: {reason}")
    runtime: Runtime = _module(backend).open_runtime(Path(model), list(label_ids), threads)
    return runtime


def backend_of(model: Path) -> str:
    """The backend that the files of a model directory call for; EdgeError for one that is not known."""
    if (model / "config.json").is_file() and not (model / SPEC).exists():
        return "torch"
    backend = read_object(model / SPEC, "the runtime of an exported model").get("backend")
    if backend not in backends():
        raise EdgeError(f"{model / SPEC}: expected a backend of {', '.join(backends())}, found {backend!r}; export it again")
    return str(backend)


def backends() -> list[str]:
    """The names of all backends."""
    return sorted(file.stem.removesuffix("_runtime").replace("_", "-") for file in Path(__file__).parent.glob("*_runtime.py"))


def why_not_here(backend: str) -> str:
    """Why a backend does not execute on this machine, and where it would; "" when it does."""
    tell = getattr(_module(backend), "why_not_here", None)
    return tell() if tell else ""


def _module(backend: str) -> ModuleType:
    if backend not in backends():
        raise EdgeError(f"expected a backend of {', '.join(backends())}, found {backend!r}; name one of them")
    return importlib.import_module(f"{__name__}.{backend.replace('-', '_')}_runtime")
