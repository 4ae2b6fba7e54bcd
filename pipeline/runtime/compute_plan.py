"""On which of the chip's devices Core ML plans to run a program, as its MLComputePlan tells before anything has run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pipeline.errors import EdgeError

BY = "Core ML's MLComputePlan"
NEURAL_ENGINE = "neural engine"
DEVICES = {"MLNeuralEngineComputeDevice": NEURAL_ENGINE, "MLGPUComputeDevice": "gpu", "MLCPUComputeDevice": "cpu"}


def tally(plan: Any) -> dict[str, Any]:
    """{"by": `BY`, "functions": name -> {"ops": device -> how many, "cost": device -> share of the estimated cost}}.

    ``plan``: a coremltools MLComputePlan.  A function that it plans nothing of is left out; constants have no device and no cost, and
    an operation whose device it does not tell, though it has a cost, counts as "unknown".  EdgeError when it is no program, when
    nothing is planned, or for costs that cannot be shares.
    """
    program = plan.model_structure.program
    if program is None or not program.functions:
        raise EdgeError(f"{BY}: expected an ML program, found a model of another kind; export it again")
    told = {name: _of_function(plan, function) for name, function in program.functions.items()}
    planned = {name: function for name, function in told.items() if function is not None}
    if not planned:
        raise EdgeError(f"{BY}: expected devices and costs of {', '.join(told)}, found none; macOS 14.4 and later tells them")
    return {"by": BY, "functions": planned}


def _of_function(plan: Any, function: Any) -> dict[str, Any] | None:
    ops: Counter[str] = Counter()
    cost: Counter[str] = Counter()
    for operation in _operations(function.block):
        usage = plan.get_compute_device_usage_for_mlprogram_operation(operation)
        estimate = plan.get_estimated_cost_for_mlprogram_operation(operation)
        weight = 0.0 if estimate is None else _weight(estimate.weight, operation.operator_name)
        if usage is None and not weight:
            continue
        device = "unknown" if usage is None else _name(usage.preferred_compute_device)
        ops[device] += 1
        cost[device] += weight
    total = sum(cost.values())
    return {"ops": dict(ops), "cost": {device: weight / total for device, weight in cost.items()}} if total else None


def _operations(block: Any) -> Iterator[Any]:
    for operation in block.operations:
        yield operation
        for inner in operation.blocks:
            yield from _operations(inner)


def _weight(weight: Any, name: str) -> float:
    if not isinstance(weight, (int, float)) or isinstance(weight, bool) or not 0 <= weight < math.inf:
        raise EdgeError(f"{BY}: expected the cost of {name} as a share, found {weight!r:.40}; plan again")
    return float(weight)


def _name(device: Any) -> str:
    return DEVICES.get(type(device).__name__, type(device).__name__)
