"""torch.profiler: the ATen operators of a Hugging Face model in float32, those of one kind and shape together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from pipeline.profiling.operators import Operator
from pipeline.profiling.take import some_ids
from pipeline.runtime.torch_runtime import load_model

BYTES = 4  # of a float32
PRODUCTS, TABLES = ("mm", "addmm", "bmm", "baddbmm"), ("embedding", "index_select")  # what reads a weight; a view only names it


class TorchProfiled:
    """The model as the torch backend runs it."""

    provider, by, estimated, runs = "torch-cpu", "torch.profiler", False, True

    def __init__(self, model: Any, threads: int, tokens: int) -> None:
        torch.set_num_threads(threads)
        self.threads, self._model = threads, model
        self._ids = torch.tensor([some_ids(range(model.config.vocab_size), tokens)])
        shapes = {tuple(parameter.shape) for parameter in model.parameters()}
        self._parameters = shapes | {shape[::-1] for shape in shapes}

    @torch.inference_mode()
    def run(self) -> None:
        self._model(input_ids=self._ids, logits_to_keep=1, use_cache=False)

    def operators(self, rounds: int, warmup: int) -> list[Operator]:
        for _ in range(warmup):
            self.run()
        with profile(activities=[ProfilerActivity.CPU], record_shapes=True, profile_memory=True, with_flops=True) as taken:
            for _ in range(rounds):
                self.run()
        return [self._operator(event, rounds) for event in taken.key_averages(group_by_input_shape=True) if event.self_cpu_time_total > 0]

    def _operator(self, event: Any, rounds: int) -> Operator:
        """Means over the rounds: the profiler keeps no more of a group."""
        kind, shapes = event.key.removeprefix("aten::"), [tuple(shape) for shape in event.input_shapes if shape]
        reads = kind in (*PRODUCTS, *TABLES)
        constants = sum(math.prod(shape) for shape in shapes if reads and len(shape) > 1 and shape in self._parameters)
        calls = max(1, round(event.count / rounds))
        return Operator(name=f"{event.key} {'x'.join(map(_shape, shapes))}".strip(), kind=kind,
                        seconds=event.self_cpu_time_total / 1e6 / rounds, calls=calls, weights=constants * BYTES * calls,
                        type="fp32" if constants else "", writes=max(0, event.self_cpu_memory_usage) // rounds,
                        macs=int(event.flops or 0) // 2 // rounds if kind in PRODUCTS else 0)


def open_profiled(model: Path, threads: int, tokens: int) -> TorchProfiled:
    """A Hugging Face directory."""
    return TorchProfiled(load_model(model), threads, tokens)


def _shape(shape: Sequence[int]) -> str:
    return f"[{','.join(map(str, shape))}]"
