"""The worker's side: whole runs first, undisturbed by a profiler, then the operators."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from pipeline.errors import EdgeError
from pipeline.profiling.operators import Operator
from pipeline.runtime import backend_of

BACKENDS = ("coreml", "litert", "mlx", "onnx", "torch")


class Profiled(Protocol):
    """A model ready to be profiled; one file a backend, ``BACKEND_operators.py`` with ``open_profiled(model, threads, tokens)``.

    by: whose figures `operators` gives.  estimated: they have multiply-accumulates and no times.  runs: whether it runs here at all.
    """

    provider: str
    by: str
    estimated: bool
    runs: bool
    threads: int

    def run(self) -> None:
        """One run of the whole model."""
        ...

    def operators(self, rounds: int, warmup: int) -> list[Operator]:
        """Each operator, seconds as the median over ``rounds`` runs after ``warmup``."""
        ...


def backend_for(model: Path) -> str:
    """The backend that profiles a model directory or an .onnx file; EdgeError for one that cannot be profiled."""
    backend = "onnx" if model.suffix == ".onnx" else backend_of(model)
    if backend not in BACKENDS:
        raise EdgeError(f"{model}: expected a model of {', '.join(BACKENDS)}, found one of {backend}; profile the graph it was made from")
    return backend


def take(model: Path, threads: int, tokens: int, rounds: int, warmup: int) -> dict[str, Any]:
    """The fields of an `OperatorProfile` that the process of the model knows."""
    from pipeline.measure.resident import resident
    backend = backend_for(model)
    opened: Profiled = import_module(f"pipeline.profiling.{backend}_operators").open_profiled(model, threads, tokens)
    told: dict[str, Any] = {"backend": backend, "provider": opened.provider, "by": opened.by, "estimated": opened.estimated,
                            "threads": opened.threads}
    if opened.runs:
        _times(opened, warmup)
        before = time.process_time()
        milliseconds = _times(opened, rounds)
        told["whole"] = {"milliseconds": milliseconds, "cpu_seconds": (time.process_time() - before) / rounds,
                         "peak_rss_mb": resident()["peak_rss"]}
    return {**told, "operators": [one.model_dump() for one in opened.operators(rounds, warmup)]}


def _times(opened: Profiled, count: int) -> list[float]:
    took = []
    for _ in range(count):
        start = time.perf_counter_ns()
        opened.run()
        took.append((time.perf_counter_ns() - start) / 1e6)
    return took


def some_ids(labels: Sequence[int], count: int) -> list[int]:
    """``count`` token ids that the model surely knows: its labels' own, again and again."""
    return [labels[place % len(labels)] for place in range(count)]
