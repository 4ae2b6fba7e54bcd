"""What is optimised and what is asked for: claims of thresholds.yaml, with their metric, unit, direction and target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.verdict.thresholds import Target


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
