"""What was kept of a baseline + what is measured now -> whether the claim regressed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from pipeline.percentile import percentile
from pipeline.verdict import bootstrap
from pipeline.verdict import statistics as st
from pipeline.verdict.baseline import Baseline, Kept, check_comparable, keep
from pipeline.verdict.thresholds import Target, Thresholds

Change = Literal["regressed", "stopped", "unsettled", "unchanged", "improved", "not_compared"]


@dataclass(frozen=True)
class Regression:
    """How a claim moved against its baseline.

    worse, lower, upper: by how much, positive = worse, in the claim's unit or, ``relative``, as a share of the baseline.
    flipped: the queries ``lost`` (right in the baseline, wrong now) and ``gained``.
    """

    state: Change
    message: str
    worse: float | None = None
    lower: float | None = None
    upper: float | None = None
    tolerance: float = 0.0
    relative: bool = False
    baseline_value: float | None = None
    baseline_n: int = 0
    method: str = ""
    flipped: dict[str, list[str]] = field(default_factory=lambda: {"lost": [], "gained": []})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class _Worse:
    value: float
    bounds: st.Bounds
    method: str
    flipped: dict[str, list[str]] = field(default_factory=lambda: {"lost": [], "gained": []})


@dataclass(frozen=True)
class Turns:
    """Values of the baseline's model and code and of the present ones, taken in turns in this run; round i is pair i."""

    before: list[float]
    now: list[float]


def regression_of(claim: Mapping[str, Any], target: Target, queries: Mapping[str, Sequence[str]], baseline: Baseline,
                  confidence: float, turns: Turns | None = None) -> Regression | None:
    """How one claim of a run's record moved; None where the baseline holds nothing of it.  ``queries``: as in `baseline.keep`."""
    before = baseline.claims.get(target.id)
    if before is None:
        return None
    if claim["verdict"]["state"] == "invalid":
        return Regression("not_compared", "the measuring conditions were broken", baseline_value=before.value, baseline_n=before.n)
    return compare(before, keep(claim, queries, baseline.hidden), target, confidence, turns)


def between(before: Baseline, now: Baseline, thresholds: Thresholds) -> dict[str, Regression]:
    """Each claim of ``before`` that still has a target; EdgeError where the two are not comparable."""
    check_comparable(before, now.profile, now.host_class, "the first file")
    confidence = thresholds.gate.regression_confidence
    return {name: compare(kept, now.claims.get(name), thresholds.claims[name], confidence)
            for name, kept in before.claims.items() if name in thresholds.claims}


def compare(before: Kept, now: Kept | None, target: Target, confidence: float, turns: Turns | None = None) -> Regression:
    """Regressed: shown to be worse at ``confidence``, and by more than the target's tolerance.

    unchanged: shown not to be worse by more than that.  unsettled: neither is shown.  stopped: not measured any more.
    turns: take these in place of the kept sample of a percentile, since between two runs a machine drifts.
    """
    size, relative = target.tolerated
    known = {"tolerance": size, "relative": relative, "baseline_value": before.value, "baseline_n": before.n}
    if now is None:
        return Regression("stopped", "the baseline holds a figure, this run measured none", **known)
    if (before.metric, before.unit, before.statistic, before.percentile) != (now.metric, now.unit, now.statistic, now.percentile):
        return Regression("not_compared", "the baseline holds another metric or statistic under this name; save it anew", **known)
    if relative and before.value == 0:
        return Regression("not_compared", "the baseline is 0: a relative tolerance says nothing; write it in the unit", **known)
    worse = _turn(_more(before, now, confidence, relative, turns), target)
    state, message = _state(worse, size)
    figures = {"worse": worse.value, "lower": worse.bounds.lower, "upper": worse.bounds.upper, "method": worse.method}
    return Regression(state, message, **figures, **known, flipped=worse.flipped)


def _state(worse: _Worse, tolerance: float) -> tuple[Change, str]:
    lower, upper = worse.bounds
    if lower > 0 and worse.value > tolerance:
        return "regressed", "worse than the baseline by more than its tolerance"
    if upper < 0:
        return "improved", "better than the baseline"
    if upper <= tolerance:
        return "unchanged", "not worse than the baseline by more than its tolerance"
    return "unsettled", "neither a regression nor its absence is shown; more samples would settle it"


def _turn(more: _Worse, target: Target) -> _Worse:
    """From "how much more" to "how much worse"."""
    if target.comparison == "<":
        return more
    return _Worse(-more.value, st.Bounds(-more.bounds.upper, -more.bounds.lower), more.method, more.flipped)


def _more(before: Kept, now: Kept, confidence: float, relative: bool, turns: Turns | None) -> _Worse:
    match now.statistic:
        case "proportion":
            return _shares(before, now, confidence)
        case "non_inferiority" | "superiority" if before.items and before.items == now.items:
            return _differences(before, now, confidence)
        case "percentile" if turns:
            values = [percentile(side, now.percentile) for side in (turns.before, turns.now)]
            bounds = bootstrap.interleaved_change(turns.before, turns.now, now.percentile, confidence, relative)
            return _Worse(bootstrap.change(*values, relative), bounds, "the baseline's model and code, measured again in turns with these")
        case "percentile" | "ratio" if before.values and now.values:
            q = now.percentile or 0.5
            bounds = bootstrap.percentile_change(before.values, now.values, q, confidence, relative)
            return _Worse(bootstrap.change(before.value, now.value, relative), bounds, "bootstrap of the two runs' samples")
    more = bootstrap.change(before.value, now.value, relative)
    return _Worse(more, st.Bounds(more, more), "the two figures")


def _shares(before: Kept, now: Kept, confidence: float) -> _Worse:
    more = now.value - before.value
    if not before.items or before.items != now.items:
        lower, upper = st.independent_difference(now.value, now.n, before.value, before.n, confidence)
        return _Worse(more, st.Bounds(lower, upper), "two samples of other queries")
    lost, gained = _flipped(before.missed, now.missed)
    bounds = st.discordant_difference(len(gained), len(lost), now.n, confidence)
    return _Worse(more, bounds, "paired on the same queries", {"lost": lost, "gained": gained})


def _differences(before: Kept, now: Kept, confidence: float) -> _Worse:
    """A loss or gain between two models, on the same queries then and now."""
    def scores(kept: Kept) -> Counter[str]:
        side = Counter(kept.candidate_missed)
        side.subtract(kept.reference_missed)
        return side if now.statistic == "non_inferiority" else Counter({item: -score for item, score in side.items()})

    then, present = scores(before), scores(now)
    moved = [present[item] - then[item] for item in {*then, *present} if present[item] != then[item]]
    lost, gained = _flipped(before.candidate_missed, now.candidate_missed)
    return _Worse(float(np.sum(moved)) / now.n, bootstrap.mean_bounds(moved, now.n, confidence), "paired on the same queries",
                  {"lost": lost, "gained": gained})


def _flipped(before: Sequence[str], now: Sequence[str]) -> tuple[list[str], list[str]]:
    """(right before and missed now, missed before and right now)."""
    then, present = set(before), set(now)
    return sorted(present - then), sorted(then - present)
