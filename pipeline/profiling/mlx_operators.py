"""MLX, which has no profiler but Metal's: each layer computed to its end before the next begins, and timed so.

What is fused or overlapped in a real run is torn apart by this, so shares are told and the whole run is timed without it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import EdgeError
from pipeline.profiling.operators import Operator
from pipeline.profiling.take import some_ids
from pipeline.runtime import why_not_here
from pipeline.runtime.exported import Prompts
from pipeline.runtime.files import read_object

BETWEEN = "between layers"  # attention's products, residuals, what is no layer of its own


class MlxProfiled:
    """The runtime that serves, and its layers by name."""

    by, estimated, runs = "MLX, each layer evaluated alone", False, True

    def __init__(self, model: Path, tokens: int) -> None:
        import mlx.core as mx
        import mlx.nn as nn

        from pipeline.runtime.mlx_models import load_mlx
        from pipeline.runtime.mlx_runtime import MlxRuntime
        spec = read_object(model / "runtime.json", "the runtime of an exported model")
        labels, prompts, loaded = list(spec.get("label_ids", [])), Prompts.of(model, spec), load_mlx(model)
        if not labels or not len(prompts.prefix) < tokens <= prompts.max_length:
            raise EdgeError(f"{model}: expected label ids and {len(prompts.prefix) + 1} to {prompts.max_length} tokens, found "
                            f"{len(labels)} and {tokens}; choose other --tokens")
        self._mx, self._runtime = mx, MlxRuntime(loaded, labels, prompts)
        self.provider, self.threads = self._runtime.provider, self._runtime.threads
        self._ids = [*prompts.prefix, *some_ids(labels, tokens - len(prompts.prefix))]
        self._layers = {id(layer): (name, layer) for name, layer in loaded.named_modules()
                        if isinstance(layer, nn.Module) and not nn.utils.tree_flatten(layer.children())}

    def run(self) -> None:
        self._runtime.logits(self._ids)

    def operators(self, rounds: int, warmup: int) -> list[Operator]:
        taken: list[dict[int, float]] = []
        for _ in range(rounds + warmup):
            seconds: dict[int, float] = defaultdict(float)
            with self._timed(seconds) as written:
                self.run()
            taken.append(seconds)
        median = {key: float(np.median([one.get(key, 0.0) for one in taken[warmup:]])) for key in taken[-1]}
        return [self._operator(key, seconds, written.get(key, (0, 0))) for key, seconds in median.items()]

    def _operator(self, key: int, seconds: float, wrote: tuple[int, int]) -> Operator:
        if key not in self._layers:
            return Operator(name=BETWEEN, kind=BETWEEN, seconds=seconds)
        name, layer = self._layers[key]
        values = dict(layer.parameters())
        bits, held = getattr(layer, "bits", 0), sum(value.nbytes for value in values.values())
        product = "Linear" in type(layer).__name__
        rows = values["weight"].shape[0] if "weight" in values else 1
        deep = int(np.prod(values["weight"].shape)) // rows * (32 // bits if bits else 1) if product else 0
        return Operator(name=name, kind=type(layer).__name__, seconds=seconds, weights=held, writes=wrote[0], macs=wrote[1] * deep,
                        type=f"int{bits}" if bits else "fp32" if held else "")

    @contextmanager
    def _timed(self, seconds: dict[int, float]) -> Iterator[dict[int, tuple[int, int]]]:
        """Every layer's class with a clock around its call; what it leaves is bytes and numbers written by layer."""
        written: dict[int, tuple[int, int]] = {}
        kinds = {type(layer): type(layer).__call__ for _, layer in self._layers.values()}
        for kind, call in kinds.items():
            kind.__call__ = self._clocked(call, seconds, written)
        try:
            yield written
        finally:
            for kind, call in kinds.items():
                kind.__call__ = call

    def _clocked(self, call: Callable[..., Any], seconds: dict[int, float], written: dict[int, tuple[int, int]]) -> Callable[..., Any]:
        def clocked(layer: Any, *values: Any, **more: Any) -> Any:
            start = time.perf_counter()
            self._mx.eval(*values)
            begun = time.perf_counter()
            made = call(layer, *values, **more)
            self._mx.eval(made)
            seconds[0] += begun - start
            seconds[id(layer)] += time.perf_counter() - begun
            written[id(layer)] = made.nbytes, made.size
            return made

        return clocked


def open_profiled(model: Path, threads: int, tokens: int) -> MlxProfiled:
    """An MLX directory, where MLX runs."""
    if reason := why_not_here("mlx"):
        raise EdgeError(f"{model}: {reason}")
    return MlxProfiled(model, tokens)
