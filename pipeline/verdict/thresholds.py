"""``thresholds.yaml``: every documented target once, read and checked."""

from __future__ import annotations

import difflib
import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from pipeline.errors import EdgeError
from pipeline.yaml_file import read_model, validate

Unit = Literal["proportion", "points", "ms", "s", "MB", "mW", "count", "ratio", "logits"]
Statistic = Literal["proportion", "non_inferiority", "superiority", "percentile", "ratio", "mean", "maximum", "exact"]
State = Literal["pass", "fail", "inconclusive", "invalid", "not_measured"]
# Strict and finite: `true`, "2" and .inf are typos, not numbers, and .inf as a target would make its claim always pass.
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Confidence = Annotated[Number, Field(gt=0.5, lt=1)]
UNITS: dict[Statistic, tuple[Unit, ...]] = {
    "proportion": ("proportion",), "non_inferiority": ("points",), "superiority": ("points",), "percentile": ("ms", "mW"),
    "ratio": ("ratio",), "mean": ("points", "proportion"),
    "maximum": ("ms", "s", "MB", "mW", "proportion", "logits"), "exact": ("count", "MB", "proportion"),
}
RELATIVE = re.compile(r"(\d{1,4}(?:\.\d{1,9})?) ?%", re.ASCII)
DIRECTIONS = {"non_inferiority": "<", "superiority": ">"}  # a loss stays below its target, a gain lies above


class Tolerance(NamedTuple):
    """The step against a baseline that counts as a regression: in the claim's unit, or a fraction of the baseline's value."""

    value: float
    relative: bool


class Target(BaseModel):
    """One documented target: what is claimed, how it is judged, and where a verdict means something."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = ""
    title: str
    caption: str
    phase: str
    source: str
    metric: str
    unit: Unit
    statistic: Statistic
    percentile: Annotated[Number, Field(gt=0, lt=1)] | None = None
    comparison: Literal["<", ">"]
    target: Number
    confidence: Confidence
    smallest_n: Annotated[int, Field(strict=True, ge=1)] = 1
    about: Literal["behaviour", "scale", "any"]
    host: Literal["any", "m4"] = "any"
    tolerance: str | float = 0.0
    reason: str = ""  # why it was last loosened, and when

    @property
    def tolerated(self) -> Tolerance:
        """``tolerance`` as a number: 0.02 -> (0.02, False), "10%" -> (0.1, True)."""
        if isinstance(self.tolerance, str):
            return Tolerance(float(self.tolerance.rstrip("% ")) / 100, True)
        return Tolerance(self.tolerance, False)

    @field_validator("tolerance", mode="before")
    @classmethod
    def _is_a_step(cls, tolerance: Any) -> Any:
        number = isinstance(tolerance, (int, float)) and not isinstance(tolerance, bool) and 0 <= tolerance < math.inf
        if not number and not (isinstance(tolerance, str) and RELATIVE.fullmatch(tolerance)):
            raise ValueError("expected a number of at least 0 in the claim's unit, or a share of the baseline such as 10%")
        return tolerance

    @field_validator("statistic")
    @classmethod
    def _goes_with_its_unit(cls, statistic: Statistic, info: ValidationInfo) -> Statistic:
        unit = info.data.get("unit")
        if unit is not None and unit not in UNITS[statistic]:
            raise ValueError(f"expected a statistic for unit {unit}; {statistic} goes with {' or '.join(UNITS[statistic])}")
        return statistic

    @field_validator("comparison")
    @classmethod
    def _goes_with_its_statistic(cls, comparison: str, info: ValidationInfo) -> str:
        if DIRECTIONS.get(info.data.get("statistic"), comparison) != comparison:
            raise ValueError(f"{info.data['statistic']} is judged with `{DIRECTIONS[info.data['statistic']]}` only")
        return comparison

    @field_validator("target")
    @classmethod
    def _is_a_fraction(cls, target: float, info: ValidationInfo) -> float:
        lowest = {"proportion": 0, "points": -1}.get(info.data.get("unit"))
        if lowest is not None and not lowest <= target < 1:
            raise ValueError("proportions and points are written as fractions: 0.9 for 90 %, 0.02 for 2 points")
        return target

    @model_validator(mode="after")
    def _percentile_goes_with_its_statistic(self) -> Target:
        if (self.statistic == "percentile") != (self.percentile is not None):
            raise ValueError("`percentile` stands with `statistic: percentile`, and only there")
        return self


class Gate(BaseModel):
    """What turns a run red.  ``regression_confidence``: of the one-sided bound that shows a regression against a baseline."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    red: list[Literal["fail", "inconclusive", "invalid", "not_measured", "regressed", "stopped"]]
    regression_confidence: Confidence
    reason: str = ""  # why it was last loosened, and when

    @field_validator("red")
    @classmethod
    def _a_missed_target_is_red(cls, red: list[str]) -> list[str]:
        if "fail" not in red:
            raise ValueError("expected at least `fail` among the red states: a missed target is never green")
        return red


class Thresholds(BaseModel):
    """The whole file.  ``confidence`` holds for every claim that does not state its own; ``dropped``: what is no longer
    claimed (a claim's id, or the path of a baseline file) -> why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1]
    confidence: Confidence
    gate: Gate
    claims: dict[str, Target]
    dropped: dict[str, str] = {}

    @model_validator(mode="before")
    @classmethod
    def _spread_defaults(cls, content: dict) -> dict:
        claims = content.get("claims") if isinstance(content, dict) else None
        if not isinstance(claims, dict) or not claims:
            raise ValueError("`claims` must be a mapping with at least one claim")
        default = {"confidence": content["confidence"]} if "confidence" in content else {}
        spread = {name: {**default, **entry, "id": name} if isinstance(entry, dict) else entry
                  for name, entry in claims.items()}
        return {**content, "claims": spread}

    @model_validator(mode="after")
    def _is_claimed_or_dropped(self) -> Thresholds:
        if both := sorted(self.dropped.keys() & self.claims.keys()):
            raise ValueError(f"{both[0]} stands under `claims` and under `dropped`: remove one of the two")
        return self

    def claim(self, name: str) -> Target:
        """The target of a claim; EdgeError with the nearest name when there is none."""
        if name not in self.claims:
            near = difflib.get_close_matches(name, self.claims, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(self.claims))}"
            raise EdgeError(f"claim {name!r}: expected an entry of thresholds.yaml, found none; {hint}")
        return self.claims[name]


def read_thresholds(path: Path) -> Thresholds:
    """Thresholds from YAML; a typo, a duplicate or a wrong type is one EdgeError line that names the key."""
    return read_model(path, Thresholds)


def parse_thresholds(content: dict[str, Any], where: str) -> Thresholds:
    """The same from content at hand; ``where`` names its origin in the error."""
    return validate(content, Thresholds, where)
