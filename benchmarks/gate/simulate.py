"""Claims measured again, as chance would have it: nothing changed, or worse by a known step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.measure.measurement import Measurement, Proportion, Sample
from pipeline.verdict.baseline import Kept, keep
from pipeline.verdict.judge import judge
from pipeline.verdict.regression import compare
from pipeline.verdict.thresholds import Target, Thresholds

FLIPPED = 0.08  # of the queries are answered otherwise by a model trained again, as many for the better as for the worse

Draw = Callable[[np.random.Generator], tuple[Measurement, Measurement]]


@dataclass(frozen=True)
class Rate:
    """How often something happened: ``count`` of ``runs``."""

    claim: str
    injected: str
    n: int
    count: int
    runs: int

    @property
    def share(self) -> float:
        return self.count / self.runs


def regressions(results: Mapping[str, Any], thresholds: Thresholds, runs: int, seed: int) -> list[Rate]:
    """How often each claim of a record counts as regressed, at its own sample size, by what was injected."""
    found = []
    for claim in results["claims"]:
        target = thresholds.claims[claim["id"]]
        for injected, draw in _draws(claim, target):
            rng = np.random.default_rng(seed)
            count = sum(_regressed(*draw(rng), target, thresholds.gate.regression_confidence) for _ in range(runs))
            found.append(Rate(claim["id"], injected, claim["verdict"]["n"], count, runs))
    return found


def _draws(claim: Mapping[str, Any], target: Target) -> list[tuple[str, Draw]]:
    measurement = claim["measurement"]
    match measurement["shape"]:
        case "proportion" if target.metric != "agreement":
            return [(words, _trained_again(claim, step)) for words, step in
                    (("nothing", 0.0), ("-1 point", 0.01), ("-2 points", 0.02), ("-5 points", 0.05))]
        case "sample" if target.statistic == "percentile":
            return [(words, _timed_again(claim, step)) for words, step in
                    (("nothing", 0.0), ("+5 %", 0.05), ("+10 %", 0.10), ("+20 %", 0.20))]
        case "sample" if target.unit == "MB":
            return [(words, _timed_again(claim, step)) for words, step in (("nothing", 0.0), ("+10 %", 0.10))]
    return []


def _trained_again(claim: Mapping[str, Any], step: float) -> Draw:
    """Two models, the second truly worse by ``step``; each query's outcome is drawn anew in every run."""
    share, n = claim["verdict"]["value"], claim["verdict"]["n"]
    items = [str(place) for place in range(n)]

    def draw(rng: np.random.Generator) -> tuple[Measurement, Measurement]:
        before = rng.random(n) < share
        chance = np.where(before, 1 - (FLIPPED / 2 + step) / share, FLIPPED / 2 / (1 - share))
        now = rng.random(n) < chance
        return tuple(Proportion(claim["metric"], claim["unit"], outcomes=side.astype(int).tolist(), items=items) for side in (before, now))

    return draw


def _timed_again(claim: Mapping[str, Any], step: float) -> Draw:
    """Two samples of the values that were really seen, the second larger by ``step``."""
    seen = np.asarray(claim["measurement"]["values"])

    def draw(rng: np.random.Generator) -> tuple[Measurement, Measurement]:
        sides = [rng.choice(seen, len(seen)) * factor for factor in (1, 1 + step)]
        return tuple(Sample(claim["metric"], claim["unit"], values=side.tolist()) for side in sides)

    return draw


def _regressed(before: Measurement, now: Measurement, target: Target, confidence: float) -> bool:
    kept = [_kept(measurement, target) for measurement in (before, now)]
    return compare(*kept, target, confidence).state == "regressed"


def _kept(measurement: Measurement, target: Target) -> Kept:
    plain = {"shape": measurement.shape, **vars(measurement)}
    items: Sequence[str] = plain.get("items", ())
    entry = {**target.model_dump(), "verdict": judge(measurement, target).to_json(), "measurement": {**plain, "items": "drawn"}}
    return keep(entry, {"drawn": items})


def false_passes(thresholds: Thresholds, sizes: Mapping[str, int], runs: int, seed: int) -> list[Rate]:
    """How often a proportion whose true value is the target passes; at most 1 - confidence is allowed."""
    found = []
    for name, n in sizes.items():
        target = thresholds.claims[name]
        if target.statistic == "proportion":
            successes = np.random.default_rng(seed).binomial(n, target.target, runs)
            outcomes = {k: judge(Proportion(target.metric, target.unit, outcomes=[1] * k + [0] * (n - k)), target).state
                        for k in set(successes.tolist())}
            found.append(Rate(name, "truly at the target", n, sum(outcomes[k] == "pass" for k in successes.tolist()), runs))
    return found
