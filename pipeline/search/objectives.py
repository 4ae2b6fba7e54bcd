"""What is optimised and what is asked for: claims of thresholds.yaml, with their metric, unit, direction and target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pipeline.errors import EdgeError
from pipeline.measure.measurement import Measurement
from pipeline.profile import Profile
from pipeline.verdict.judge import judge
from pipeline.verdict.thresholds import Target, Thresholds

DEFAULT = {
    ("behaviour",): ("compression.accuracy_loss", "compression.size", "edge_200mb.memory"),
    ("scale",): ("compression.size", "edge_200mb.memory", "edge_200mb.p95"),
    ("behaviour", "scale"): ("compression.accuracy_loss", "edge_200mb.memory", "edge_200mb.p95"),
}
"""By what a profile tells.  Bytes and memory are of use where it tells nothing of scale too: to order recipes, not to show a claim."""


@dataclass(frozen=True)
class Objective:
    """A claim as an objective: the smaller the better where it is claimed to lie below its target."""

    claim: Target

    @property
    def name(self) -> str:
        return self.claim.id

    @property
    def unit(self) -> str:
        return self.claim.unit

    @property
    def target(self) -> float:
        return self.claim.target

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        return "minimize" if self.claim.comparison == "<" else "maximize"

    def judged(self, measurement: Measurement, bound: bool = True) -> tuple[float, float]:
        """(value, by how much the claim is missed) in the claim's unit, the second below 0 where it is met.

        bound: by the bound that gates, not by the value; too few samples give an infinite one, and then it is by the value.
        """
        verdict = judge(replace(measurement, invalid=""), self.claim)
        if verdict.value is None:
            raise EdgeError(f"{self.name}: expected a value, found none: {verdict.message}")
        if bound and verdict.margin is not None and math.isfinite(verdict.margin):
            return verdict.value, -verdict.margin
        return verdict.value, (verdict.value - self.target) * (1 if self.claim.comparison == "<" else -1)


def default_objectives(profile: Profile) -> tuple[str, ...]:
    """The claims that are optimised where none are named."""
    return DEFAULT[tuple(sorted(set(profile.tells)))]


def objectives_of(names: Sequence[str], thresholds: Thresholds, profile: Profile) -> list[Objective]:
    """The claims by id; EdgeError for an unknown one, one named twice, one that no trial measures, and behaviour on random weights."""
    from pipeline.search.meters import METERS

    found = [Objective(thresholds.claim(name)) for name in names]
    for objective in found:
        claim = objective.claim
        if claim.metric not in METERS:
            raise EdgeError(f"claim {claim.id}: expected one of {', '.join(sorted(METERS))}, which a trial measures, found {claim.metric}; "
                            "name another claim")
        if claim.about == "behaviour" and "behaviour" not in profile.tells and claim.metric not in ("size", "size_share"):
            raise EdgeError(f"claim {claim.id}: expected a profile that tells about behaviour, found {profile.name}; name one about scale")
        if sum(other.name == claim.id for other in found) > 1:
            raise EdgeError(f"claim {claim.id}: expected once, found twice; name each once")
    return found
