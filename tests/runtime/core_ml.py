"""A Core ML that is not there: coremltools' objects as far as the project calls them, with Apple's names and types."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

LABEL_IDS = [3, 4, 5]
FUNCTIONS = {"tokens_8": 8, "tokens_16": 16}


class ComputeUnit(Enum):
    ALL, CPU_AND_GPU, CPU_ONLY, CPU_AND_NE = 1, 2, 3, 4


class MLNeuralEngineComputeDevice: ...


class MLGPUComputeDevice: ...


class MLCPUComputeDevice: ...


DEVICES = {"ne": MLNeuralEngineComputeDevice(), "gpu": MLGPUComputeDevice(), "cpu": MLCPUComputeDevice()}


def operation(name: str, device: str | None, cost: float | None, *blocks: Any) -> SimpleNamespace:
    return SimpleNamespace(operator_name=name, device=device, cost=cost, blocks=list(blocks), inputs={}, outputs=[])


def block(*operations: SimpleNamespace) -> SimpleNamespace:
    return SimpleNamespace(inputs=[], operations=list(operations), output_names=["logits"])


class Plan:
    """An MLComputePlan of these functions."""

    def __init__(self, **functions: SimpleNamespace) -> None:
        program = SimpleNamespace(functions={name: SimpleNamespace(inputs=[], block=body) for name, body in functions.items()})
        self.model_structure = SimpleNamespace(neuralnetwork=None, program=program, pipeline=None)

    def get_compute_device_usage_for_mlprogram_operation(self, operation: SimpleNamespace) -> SimpleNamespace | None:
        device = DEVICES.get(operation.device, operation.device)
        return device and SimpleNamespace(preferred_compute_device=device, supported_compute_devices=[device])

    def get_estimated_cost_for_mlprogram_operation(self, operation: SimpleNamespace) -> SimpleNamespace | None:
        return None if operation.cost is None else SimpleNamespace(weight=operation.cost)


PLAN = Plan(tokens_16=block(operation("const", None, None), operation("ios18.linear", "ne", 0.95), operation("ios18.gather", "cpu", 0.05)))


def tools(answer: Callable[[dict[str, np.ndarray]], Any] | None = None, plan: Plan = PLAN) -> Any:
    """A coremltools that compiles by writing a file, predicts by ``answer``, and remembers what it was asked."""
    asked: list[str] = []

    def compile_model(model: str, destination_path: str | None = None) -> str:
        asked.append("compile")
        Path(str(destination_path)).mkdir()
        Path(str(destination_path), "coremldata.bin").write_bytes(b"compiled")
        return str(destination_path)

    class CompiledMLModel:
        def __init__(self, path: str, compute_units: ComputeUnit = ComputeUnit.ALL, function_name: str | None = None) -> None:
            asked.append(f"load {function_name} {compute_units.name}")
            assert (Path(path) / "coremldata.bin").is_file()

        def predict(self, data: dict[str, np.ndarray]) -> Any:
            assert all(array.dtype == np.int32 and array.shape[0] == 1 for array in data.values())
            return (answer or bag)(data)

    class MLComputePlan:
        @classmethod
        def load_from_path(cls, path: str, compute_units: ComputeUnit = ComputeUnit.ALL) -> Plan:
            asked.append(f"plan {compute_units.name}")
            return plan

    return SimpleNamespace(ComputeUnit=ComputeUnit, asked=asked, models=SimpleNamespace(
        utils=SimpleNamespace(compile_model=compile_model), CompiledMLModel=CompiledMLModel,
        compute_plan=SimpleNamespace(MLComputePlan=MLComputePlan)))


def bag(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Logits that depend on the ids that are no padding, and on their number."""
    ids, mask = data["ids"].astype(np.float32), data["mask"].astype(np.float32)
    return {"logits": np.stack([(ids * mask).sum(1), mask.sum(1), (ids * mask).max(1)], 1).astype(np.float16)}


def directory(at: Path, **changes: Any) -> Path:
    """What `pipeline.export.coreml` writes, with an empty package."""
    (at / "model.mlpackage" / "Data").mkdir(parents=True)
    (at / "model.mlpackage" / "Manifest.json").write_text("{}")
    spec = {"backend": "coreml", "file": "model.mlpackage", "functions": FUNCTIONS, "inputs": ["ids", "mask"], "output": "logits",
            "label_ids": LABEL_IDS, "max_length": 16, "weights": "int8", "target": "macOS15"}
    (at / "runtime.json").write_text(json.dumps({**spec, **changes}))
    return at


def expected(ids: Sequence[int]) -> list[float]:
    return [float(sum(ids)), float(len(ids)), float(max(ids))]
