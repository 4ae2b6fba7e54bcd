"""Measurement + target -> verdict."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from pipeline.errors import EdgeError
from pipeline.measure.measurement import Exact, Measurement, NotMeasured, Paired, PairedSample, Proportion, Sample
from pipeline.percentile import percentile
from pipeline.verdict import statistics as st
from pipeline.verdict.bootstrap import sample_mean
from pipeline.verdict.thresholds import State, Target


@dataclass(frozen=True)
class Verdict:
    """What the gate says of one claim.

    value, lower, upper, margin: in the target's unit; ``margin`` is the distance of the gating bound from the target,
    positive on the good side.  ``needed``: how many samples would settle an inconclusive one at the rate seen.
    ``indicative``: a figure was seen, but not where the target counts.
    """

    state: State
    message: str
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    n: int = 0
    margin: float | None = None
    needed: int | None = None
    p_value: float | None = None
    indicative: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; an infinite bound (too few samples to give one) becomes null."""
        return {key: None if isinstance(value, float) and not math.isfinite(value) else value
                for key, value in asdict(self).items()}


@dataclass(frozen=True)
class _Estimate:
    value: float
    bounds: st.Bounds
    n: int
    p_value: float | None = None


def judge(measurement: Measurement, target: Target, counts_here: str = "") -> Verdict:
    """The verdict on a measurement.

    counts_here: why this profile or host does not count for the target, or "".  EdgeError when the measurement is not of
    the target's metric and unit, or its shape does not go with the statistic: a mistake in the test, not a verdict.
    """
    _check_metric(measurement, target)
    if isinstance(measurement, NotMeasured):
        return Verdict("not_measured", measurement.reason)
    target = _for_each_look(measurement, target)
    estimate = _estimate(measurement, target)
    verdict = _compare(measurement, estimate, target)
    if counts_here:
        return replace(verdict, state="not_measured", message=counts_here, margin=None, needed=None, indicative=True)
    if measurement.invalid:
        return replace(verdict, state="invalid", message=measurement.invalid, margin=None, needed=None)
    return verdict


def _check_metric(measurement: Measurement, target: Target) -> None:
    # A pair of samples is in ms or the like; what is judged of it is their ratio.
    unit = "ratio" if isinstance(measurement, PairedSample) else measurement.unit
    if (measurement.metric, unit) != (target.metric, target.unit):
        raise EdgeError(f"claim {target.id}: expected a measurement of {target.metric} in {target.unit}, "
                        f"found {measurement.metric} in {unit}; correct the test or thresholds.yaml")


def _for_each_look(measurement: Measurement, target: Target) -> Target:
    """The target with the confidence that each look has to keep so that all of them together keep the target's.

    A sample that is extended until it is settled has several chances to pass by luck.  Each of k planned looks may err with
    (1 - confidence) / k (Bonferroni), so the sum of them stays below 1 - confidence, however many are taken; and what is
    told to be needed counts with that too.  Only percentiles have bounds that a look could spend.
    """
    if not isinstance(measurement, Sample) or measurement.looks == 1 or target.statistic != "percentile":
        return target
    return target.model_copy(update={"confidence": 1 - (1 - target.confidence) / measurement.looks})


def _estimate(measurement: Measurement, target: Target) -> _Estimate:
    confidence = target.confidence
    match target.statistic, measurement:
        case "proportion", Proportion(outcomes=list(outcomes)) if outcomes:
            n = len(outcomes)
            return _Estimate(sum(outcomes) / n, st.clopper_pearson(sum(outcomes), n, confidence), n)
        case "non_inferiority", Paired(reference=ref, candidate=cand) if ref and len(ref) == len(cand):
            bounds = st.paired_difference(ref, cand, confidence)
            return _Estimate(float(np.mean(ref) - np.mean(cand)), bounds, len(ref), st.mcnemar_p(ref, cand))
        case "superiority", Paired(reference=ref, candidate=cand) if ref and len(ref) == len(cand):
            bounds = st.paired_difference(cand, ref, confidence)
            return _Estimate(float(np.mean(cand) - np.mean(ref)), bounds, len(ref), st.mcnemar_p(ref, cand))
        case "percentile", Sample(values=values) if values and target.percentile:
            bounds = st.percentile_bounds(values, target.percentile, confidence)
            return _Estimate(percentile(values, target.percentile), bounds, len(values))
        case "ratio", PairedSample(reference=ref, candidate=cand) if ref and len(ref) == len(cand):
            ratio = float(np.median(np.asarray(ref) / np.asarray(cand)))
            return _Estimate(ratio, st.median_ratio_bounds(ref, cand, confidence), len(ref))
        case "mean", Sample(values=values) if values:
            return _Estimate(float(np.mean(values)), sample_mean(values, confidence), len(values))
        case "maximum", Sample(values=values) if values:
            return _Estimate(max(values), st.Bounds(max(values), max(values)), len(values))
        case "exact", Exact(value=value):
            return _Estimate(value, st.Bounds(value, value), int(measurement.details.get("n", 1)))
    raise EdgeError(f"claim {target.id}: statistic {target.statistic} expected a measurement with samples that go with it, "
                    f"found {type(measurement).__name__} of {measurement.metric}; correct the test or thresholds.yaml")


def _compare(measurement: Measurement, estimate: _Estimate, target: Target) -> Verdict:
    above = target.comparison == ">"
    gating, opposite = estimate.bounds if above else reversed(estimate.bounds)
    sign = 1 if above else -1
    margin = sign * (gating - target.target)
    numbers = Verdict("pass", "", estimate.value, *estimate.bounds, estimate.n, margin, None, estimate.p_value)
    if any(math.isnan(number) for number in (estimate.value, gating, opposite)):
        return replace(numbers, state="invalid", message="the measurement is not a number", margin=None)
    if sign * (opposite - target.target) <= 0:
        why = ": the whole interval lies on the wrong side" if gating != opposite else ""
        return replace(numbers, state="fail", message=f"the target is missed{why}")
    if margin > 0 and estimate.n >= target.smallest_n:
        return numbers
    needed = _needed(measurement, estimate, target)
    why = "the interval straddles the target" if margin <= 0 else f"fewer than the {target.smallest_n} samples asked for"
    hint = f"about {needed} samples would settle it at the rate seen" if needed else "no sample size would settle it at the rate seen"
    return replace(numbers, state="inconclusive", message=f"{why}; {hint}", needed=needed)


def _needed(measurement: Measurement, estimate: _Estimate, target: Target) -> int | None:
    """Samples that would settle the claim if the rates seen so far were the true ones."""
    wanted, confidence = target.target, target.confidence
    if isinstance(measurement, Proportion):
        def settles(n: int) -> bool:
            bounds = st.clopper_pearson(round(estimate.value * n), n, confidence)
            return not bounds.lower <= wanted <= bounds.upper
    elif isinstance(measurement, Paired):
        lost, won = st.discordant(measurement.reference, measurement.candidate)
        if target.statistic == "superiority":
            lost, won = won, lost

        def settles(n: int) -> bool:
            scaled = [round(count * n / estimate.n) for count in (lost, won)]
            bounds = st.discordant_difference(*scaled, n, confidence)
            return not bounds.lower <= wanted <= bounds.upper
    elif target.statistic == "mean":
        def settles(n: int) -> bool:
            bounds = _narrowed(estimate, n)
            return not bounds.lower <= wanted <= bounds.upper
    elif isinstance(measurement, (Sample, PairedSample)) and target.statistic != "maximum":
        q = target.percentile or 0.5
        values = np.asarray(measurement.values if isinstance(measurement, Sample)
                            else np.asarray(measurement.reference) / np.asarray(measurement.candidate))

        def settles(n: int) -> bool:
            bounds = st.percentile_bounds(np.quantile(values, (np.arange(n) + 0.5) / n).tolist(), q, confidence)
            return not bounds.lower <= wanted <= bounds.upper
    else:
        return target.smallest_n if estimate.n < target.smallest_n else None
    limit = 10_000_000 if isinstance(measurement, Proportion) else 200_000
    return st.smallest_settling_n(settles, max(estimate.n + 1, target.smallest_n), limit)


def _narrowed(estimate: _Estimate, n: int) -> st.Bounds:
    """The bounds of a mean as they would be of n samples: nearer by the root of how many times more that is."""
    share = math.sqrt(estimate.n / n)
    return st.Bounds(*(estimate.value + share * (bound - estimate.value) for bound in estimate.bounds))
