"""``thresholds.yaml``: every documented target once, read and checked."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.errors import EdgeError
from pipeline.yaml_file import read_model

Unit = Literal["proportion", "points", "ms", "MB", "mW", "count", "ratio"]
Statistic = Literal["proportion", "non_inferiority", "superiority", "percentile", "ratio", "maximum", "exact"]
State = Literal["pass", "fail", "inconclusive", "invalid", "not_measured"]
Confidence = Annotated[float, Field(ge=0.5, lt=1)]


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
    percentile: Annotated[float, Field(gt=0, lt=1)] | None = None
    comparison: Literal["<", ">"]
    target: float
    confidence: Confidence = 0.95
    smallest_n: Annotated[int, Field(ge=1)] = 1
    about: Literal["behaviour", "scale"]
    host: Literal["any", "m4"] = "any"
    tolerance: str | float = 0.0

    @model_validator(mode="after")
    def _percentile_goes_with_its_statistic(self) -> Target:
        if (self.statistic == "percentile") != (self.percentile is not None):
            raise ValueError("`percentile` stands with `statistic: percentile`, and only there")
        return self


class Gate(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    red: list[Literal["fail", "inconclusive", "invalid", "not_measured"]]


class Thresholds(BaseModel):
    """The whole file.  ``confidence`` holds for every claim that does not state its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1]
    confidence: Confidence = 0.95
    gate: Gate
    claims: dict[str, Target]

    @model_validator(mode="before")
    @classmethod
    def _spread_defaults(cls, content: dict) -> dict:
        claims = content.get("claims") if isinstance(content, dict) else None
        if not isinstance(claims, dict) or not claims:
            raise ValueError("`claims` must be a mapping with at least one claim")
        default = content.get("confidence", 0.95)
        spread = {name: {"confidence": default, **entry, "id": name} if isinstance(entry, dict) else entry
                  for name, entry in claims.items()}
        return {**content, "claims": spread}

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
