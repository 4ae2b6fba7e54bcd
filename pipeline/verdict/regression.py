"""What was kept of a baseline + what is measured now -> whether the claim regressed."""

from __future__ import annotations

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
    flipped: the queries ``lost`` (right in the baseline, wrong now) and ``gained``.  broken: for the measuring conditions.
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
    flipped: dict[str, list[str]] = field(default_factory=dict)
    broken: bool = False

    @property
    def lost(self) -> list[str]:
        return self.flipped.get("lost", [])

    @property
    def gained(self) -> list[str]:
        return self.flipped.get("gained", [])

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class _Worse:
    value: float
    bounds: st.Bounds
    method: str
    flipped: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Turns:
    """Values of the baseline's model and code and of the present ones, taken in turns in this run; round i is pair i.

    invalid: why the conditions were broken, or "".
    """

    before: list[float]
    now: list[float]
    invalid: str = ""


def regression_of(claim: Mapping[str, Any], target: Target, queries: Mapping[str, Sequence[str]], baseline: Baseline,
                  confidence: float, turns: Turns | None = None) -> Regression | None:
    """How one claim of a run's record moved; None where the baseline holds nothing of it.  ``queries``: as in `baseline.keep`."""
    before, measurement = baseline.claims.get(target.id), claim["measurement"]
    if before is None:
        return None
    if broken := measurement.get("invalid") or (turns.invalid if turns else ""):
        return Regression("not_compared", broken, baseline_value=before.value, baseline_n=before.n, broken=True)
    items = queries.get(measurement.get("items") or "", ())
    return compare(before, keep(claim, queries), target, confidence, turns, sorted(items))


def between(before: Baseline, now: Baseline, thresholds: Thresholds) -> dict[str, Regression]:
    """Each claim of ``before`` that still has a target; EdgeError where the two are not comparable."""
    check_comparable(before, now.profile, now.host_class, "the baseline")
    confidence = thresholds.gate.regression_confidence
    return {name: compare(kept, now.claims.get(name), thresholds.claims[name], confidence)
            for name, kept in before.claims.items() if name in thresholds.claims}


def since(before: Baseline, results: Mapping[str, Any], thresholds: Thresholds) -> dict[str, Regression]:
    """`between` for a later run's record."""
    check_comparable(before, results["run"]["profile"], results["run"]["host"]["host_class"], "the baseline")
    queries, confidence = results.get("queries") or {}, thresholds.gate.regression_confidence
    found = {claim["id"]: regression_of(claim, thresholds.claims[claim["id"]], queries, before, confidence)
             for claim in results["claims"] if claim["id"] in thresholds.claims}
    return {name: change for name, change in found.items() if change}


def compare(before: Kept, now: Kept | None, target: Target, confidence: float, turns: Turns | None = None,
            items: Sequence[str] = ()) -> Regression:
    """Regressed: shown to be worse at ``confidence``, and by more than the target's tolerance.

    improved: the same for the better.  unchanged: shown not to be worse by more than that.  unsettled: neither is shown.
    stopped: not measured any more.
    turns: take these in place of the kept sample of a percentile, since between two runs a machine drifts.
    items: the queries in order, to name those that flipped; without, their places stand.
    """
    size, relative = target.tolerated
    known = {"tolerance": size, "relative": relative, "baseline_value": before.value, "baseline_n": before.n}
    if now is None:
        return Regression("stopped", "the baseline holds a figure, this run measured none", **known)
    if (before.metric, before.unit, before.statistic, before.percentile) != (now.metric, now.unit, now.statistic, now.percentile):
        return Regression("not_compared", "the baseline holds another metric or statistic under this name; save it anew", **known)
    if relative and before.value <= 0:
        return Regression("not_compared", "the baseline is not above 0: a relative tolerance says nothing; write it in the unit", **known)
    worse = _turn(_more(before, now, confidence, relative, turns, items), target)
    state, message = _state(worse, size)
    figures = {"worse": worse.value, "lower": worse.bounds.lower, "upper": worse.bounds.upper, "method": worse.method}
    return Regression(state, message, **figures, **known, flipped=worse.flipped)


def _state(worse: _Worse, tolerance: float) -> tuple[Change, str]:
    lower, upper = worse.bounds
    if lower > 0 and worse.value > tolerance:
        return "regressed", "worse than the baseline by more than its tolerance"
    if upper < 0 and -worse.value > tolerance:
        return "improved", "better than the baseline by more than the tolerance"
    if upper <= tolerance:
        return "unchanged", "not worse than the baseline by more than its tolerance"
    return "unsettled", "neither a regression nor its absence is shown; more samples would settle it"


def _turn(more: _Worse, target: Target) -> _Worse:
    """From "how much more" to "how much worse"."""
    if target.comparison == "<":
        return more
    return _Worse(-more.value, st.Bounds(-more.bounds.upper, -more.bounds.lower), more.method, more.flipped)


def _more(before: Kept, now: Kept, confidence: float, relative: bool, turns: Turns | None,
          items: Sequence[str]) -> _Worse:
    match now.statistic:
        case "proportion":
            return _shares(before, now, confidence, items)
        case "non_inferiority" | "superiority" if before.items and before.items == now.items:
            return _differences(before, now, confidence, items)
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


def _shares(before: Kept, now: Kept, confidence: float, items: Sequence[str]) -> _Worse:
    more = now.value - before.value
    if not before.items or before.items != now.items:
        lower, upper = st.independent_difference(now.value, now.n, before.value, before.n, confidence)
        return _Worse(more, st.Bounds(lower, upper), "two samples of other queries")
    flipped = _flipped(before.bits("outcomes"), now.bits("outcomes"), items)
    bounds = st.discordant_difference(len(flipped["gained"]), len(flipped["lost"]), now.n, confidence)
    return _Worse(more, bounds, "paired on the same queries", flipped)


def _differences(before: Kept, now: Kept, confidence: float, items: Sequence[str]) -> _Worse:
    """A loss or gain between two models, on the same queries then and now."""
    sign = 1 if now.statistic == "superiority" else -1
    gain = [sign * (np.asarray(kept.bits("candidate")) - np.asarray(kept.bits("reference"))) for kept in (before, now)]
    moved = gain[1] - gain[0]
    return _Worse(float(moved.mean()), bootstrap.mean_bounds(moved[moved != 0], now.n, confidence), "paired on the same queries",
                  _flipped(before.bits("candidate"), now.bits("candidate"), items))


def _flipped(before: Sequence[int], now: Sequence[int], items: Sequence[str]) -> dict[str, list[str]]:
    """lost: right before and wrong now; gained: the other way."""
    names = items or [f"query {place}" for place in range(1, len(now) + 1)]
    moves = list(zip(names, before, now, strict=True))
    return {"lost": [name for name, then, present in moves if then > present],
            "gained": [name for name, then, present in moves if then < present]}
