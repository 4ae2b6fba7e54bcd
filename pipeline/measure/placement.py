"""Where the work ran, and what that does to a figure that is claimed for the Neural Engine."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pipeline.errors import EdgeError
from pipeline.measure.child import TIMEOUT, ran_as, serving
from pipeline.measure.latency import order
from pipeline.measure.measurement import Exact, Measurement, NotMeasured
from pipeline.measure.subject import Subject
from pipeline.runtime.compute_plan import NEURAL_ENGINE
from pipeline.runtime.onnx_profile import COREML

PROMPTS = 20
METRIC, PROVIDER_METRIC = "neural_engine_share", "core_ml_share"
HALF = 0.5

M = TypeVar("M", bound=Measurement)


def placement(subject: Subject, queries: Sequence[str], *, prompts: int = PROMPTS, timeout: float = TIMEOUT) -> Exact | NotMeasured:
    """Which share of the work the Neural Engine takes, as the serving process' runtime tells.

    Of Core ML: its own plan (MLComputePlan), the share of the estimated cost; of several functions the least of those that ``prompts``
    queries use, or of all that are planned where these are not.  Of ONNX Runtime: the share of the time in nodes that its Core ML
    provider ran, metric core_ml_share; which of Core ML's devices that was, it does not tell.  details: all that was told.
    """
    plan = order(queries, prompts)
    with serving(subject, timeout) as (child, opened):
        told = child.ask("placement", queries=plan)["placement"]
    facts: dict[str, Any] = {"unit": "proportion", "artifacts": dict(subject.artifacts), "conditions": ran_as(opened)}
    if told is None:
        return NotMeasured(metric=METRIC, **facts, reason=f"backend {opened['backend']} does not tell where its work runs; coreml does")
    if "functions" in told:
        return Exact(metric=METRIC, **facts, details=told, value=neural_engine_share(told))
    return Exact(metric=PROVIDER_METRIC, **facts, details=told, value=_share(told["time"].get(COREML, 0.0)))


def neural_engine_share(told: Mapping[str, Any]) -> float:
    """Of `pipeline.runtime.compute_plan.tally` with the functions that are used: the least share of the estimated cost."""
    planned = told["functions"]
    used = [name for name in told.get("used", planned) if name in planned] or list(planned)
    return min(_share(planned[name]["cost"].get(NEURAL_ENGINE, 0.0)) for name in used)


def _share(share: float) -> float:
    if not 0 <= share <= 1 + 1e-9:  # also true of NaN
        raise EdgeError(f"expected a share between 0 and 1, found {share}; measure again")
    return min(share, 1.0)


def on_the_neural_engine(measurement: M, placed: Measurement, least: float) -> M:
    """The measurement, invalid unless more than ``least`` of the same model's work is placed on the Neural Engine.

    A power whose counter tells the Neural Engine's part has to show it at work as well: what Core ML plans is not yet what ran.
    """
    why = _why_not(measurement, placed, least)
    if not why or isinstance(measurement, NotMeasured):
        return measurement
    return replace(measurement, invalid="; ".join(filter(None, (measurement.invalid, why))))


def run_by_core_ml(measurement: M, placed: Measurement) -> M:
    """The measurement, invalid unless ONNX Runtime's Core ML provider ran more than half of the time in nodes: a session has a
    provider that it asked for though that took nothing."""
    if isinstance(placed, Exact) and placed.metric == PROVIDER_METRIC and placed.value > HALF:
        return measurement
    found = f"{placed.metric} {_percent(placed.value)}" if isinstance(placed, Exact) else getattr(placed, "reason", "nothing told")
    why = f"the work ran elsewhere: expected Core ML's provider to take more than {_percent(HALF)} of the time, found {found}"
    return replace(measurement, invalid="; ".join(filter(None, (measurement.invalid, why))))


def _why_not(measurement: Measurement, placed: Measurement, least: float) -> str:
    if placed.metric != METRIC or not isinstance(placed, Exact):
        reason = getattr(placed, "reason", "") or f"{placed.metric} says nothing of it"
        return f"it is not known whether the Neural Engine did the work: {reason}"
    elsewhere = [name for name in ("backend", "provider") if measurement.conditions.get(name) != placed.conditions.get(name)]
    if measurement.artifacts != placed.artifacts or elsewhere:
        return f"the placement is another's: it was told of {placed.artifacts} on {placed.conditions.get('provider')}"
    if not placed.value > least:
        return (f"the work ran elsewhere: the Neural Engine takes {_percent(placed.value)} of the estimated cost, more than "
                f"{_percent(least)} expected; see which operations stay on the CPU")
    drawn = measurement.details.get("added_by_part", {}).get("ane")
    if drawn is not None and not statistics.median(drawn) > 0:
        return (f"the work ran elsewhere: planned on the Neural Engine, which drew {statistics.median(drawn):.0f} mW more than "
                "idle; look at what else uses it, and measure again")
    return ""


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"
