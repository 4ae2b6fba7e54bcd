"""What to expect of each documented target on a device, and how a run's figures compare with what was predicted."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.compress.recipe import recipes
from pipeline.errors import EdgeError
from pipeline.plan.candidate import FORMATS, ORIGINAL, Candidate, candidate, engine_of
from pipeline.plan.device import Device
from pipeline.plan.prediction import Prediction, Range, predict
from pipeline.profile import Profile, shipping
from pipeline.report.results import Claim, claims
from pipeline.verdict.thresholds import Target

Expected = Literal["expected pass", "expected fail", "too close to tell", "no prediction"]
SHIPPED = "what ships"
SUBJECTS = {
    "latency.": SHIPPED, "memory.": SHIPPED, "quantization.": "int8", "onnx.": "int8",
    "edge_200mb.": "edge-200mb", "int8_fast.": "int8-fast", "compression.": "edge-200mb", "neural_engine.": "coreml-int8",
    "coreml.": "coreml-int8", "litert.": "litert-int8", "mlx.": "mlx-4bit",
}
"""What a documented target is about, by the beginning of its id; one about another variant of a format names it in its id."""
KINDS = {"onnx-int8": "int8", "onnx-fp32": ORIGINAL}
"""Artifacts that a claim may be measured on, beside recipes and formats."""


@dataclass(frozen=True)
class Expectation:
    """A target with the range predicted for it, None where nothing is predicted."""

    target: Target
    subject: str
    predicted: Range | None

    @property
    def verdict(self) -> Expected:
        """Never `pass`: nothing was measured."""
        if self.predicted is None:
            return "no prediction"
        low, high, target = self.predicted.low, self.predicted.high, self.target.target
        if self.target.comparison == ">":
            return "expected pass" if low > target else "expected fail" if high <= target else "too close to tell"
        return "expected pass" if high < target else "expected fail" if low >= target else "too close to tell"


@dataclass(frozen=True)
class Beside:
    """A claim's measured figure beside its prediction."""

    claim: Claim
    subject: str
    predicted: Range

    @property
    def ratio(self) -> float:
        """Predicted over measured."""
        return self.predicted.point / float(self.claim.value or 0)

    @property
    def inside(self) -> bool:
        return self.predicted.low <= float(self.claim.value or 0) <= self.predicted.high


def expectations(targets: Mapping[str, Target], device: Device, profile: Profile, served: Candidate | None = None) -> list[Expectation]:
    """Of every target about scale; ``served``: the one that would be shipped, in place of each target's own."""
    found = []
    for target in targets.values():
        if target.about == "scale":
            of = served or _candidate(subject_of(target.id), profile)
            predicted = of and _predicted(target.metric, target.percentile, of, device, profile)
            found.append(Expectation(target, of.name if of else "", predicted))
    return found


def compared(results: Mapping[str, Any], device: Device, profile: Profile) -> list[Beside]:
    """The claims of a record that have a valid figure and a prediction; EdgeError for a record of another profile.

    What shipped in that run is what the record says.
    """
    shipped = ((results["run"].get("profile_config") or {}).get("serve") or {}).get("format")
    if (of := str(results["run"].get("profile"))) not in (profile.name, shipping(profile.name, shipped)):
        raise EdgeError(f"--measured: expected the record of a run of profile {profile.name}, found one of {of}; add --profile {of}")
    if shipped:
        profile = profile.model_copy(update={"serve": profile.serve.model_copy(update={"format": shipped})})
    found = []
    for claim in claims(results):
        if not claim.value or claim.measurement.get("invalid"):
            continue
        of = _candidate(subject_of(claim.id) or _measured_on(claim), profile)
        predicted = of and _predicted(claim.metric, claim.percentile, of, device, profile)
        if of and predicted:
            found.append(Beside(claim, of.name, predicted))
    return found


def mean_off(rows: Sequence[Beside]) -> float:
    """The geometric mean of the factors that predictions were off by."""
    return statistics.geometric_mean(max(row.ratio, 1 / row.ratio) for row in rows)


def subject_of(claim: str) -> str:
    """A recipe or format; "" for a claim that is about neither."""
    engine, _, rest = claim.partition(".")
    for name in FORMATS:
        if engine_of(name) == engine and name.rpartition("-")[2] in rest:
            return name
    return next((subject for start, subject in SUBJECTS.items() if claim.startswith(start)), "")


def _measured_on(claim: Claim) -> str:
    """By the roles of the artifacts that were measured; "" for a pair, which has others."""
    roles = claim.measurement.get("artifacts") or {}
    return next((KINDS.get(role, role) for role in roles if role in KINDS or role in FORMATS or role in recipes()), "")


def _candidate(subject: str, profile: Profile) -> Candidate | None:
    if subject == SHIPPED:
        subject = KINDS.get(profile.serve.format, profile.serve.format)
    return candidate(subject, profile) if subject else None


def _predicted(metric: str, percentile: float | None, served: Candidate, device: Device, profile: Profile) -> Range | None:
    try:
        of = predict(served, device)
        if metric in ("speedup", "size_share", "memory_share"):
            return _against(metric, of, predict(candidate(ORIGINAL, profile), device))
    except EdgeError:  # no engine of the device serves it
        return None
    figures = {"latency": of.p50 if percentile == 0.5 else of.p95, "peak_rss": of.memory, "footprint": of.memory, "size": of.size,
               "cold_start": of.load}
    return figures.get(metric)


def _against(metric: str, of: Prediction, original: Prediction) -> Range:
    """A ratio to the original, which may be off in the other direction."""
    above, below = {"speedup": (original.p50, of.p50), "size_share": (of.size, original.size),
                    "memory_share": (of.memory, original.memory)}[metric]
    return Range(above.low / below.high, above.point / below.point, above.high / below.low)


def heading(results: Mapping[str, Any], device: Device) -> Iterator[str]:
    """Whose figures they are, and a warning where that is another machine than the prediction's."""
    host = results["run"].get("host") or {}
    chip = str(host.get("chip") or "")
    yield f"measured on {chip or host.get('cpu') or 'an unknown machine'}, predicted for {device.chip}"
    if chip != (device.chip if device.chip.startswith("Apple") else ""):
        yield "these are two machines: the ratios say how they differ, not how good the prediction is"
