"""What a profile holds: each operator of a model with its time, its bytes and its multiply-accumulates."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.runtime.files import read_object
from pipeline.yaml_file import validate

Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Operator(Section):
    """One operator, or several of one kind and shape where a library tells no more.

    seconds: of one run; 0 in an estimate.  calls: how often it runs in one.  weights: bytes of the constants that it reads; type: theirs,
    "fp32" or "int8", "" for none.  writes: bytes of its outputs.  macs: multiply-accumulates of one run, 0 where it multiplies no matrices.
    """

    name: str
    kind: str
    seconds: Amount = 0.0
    calls: Count = 1
    weights: Count = 0
    type: str = ""
    writes: Count = 0
    macs: Count = 0


class Whole(Section):
    """Whole runs without a profiler.  milliseconds: one a run.  cpu_seconds: of the process, a run.  peak_rss_mb: 10^6 bytes."""

    milliseconds: Annotated[list[Amount], Field(min_length=1)]
    cpu_seconds: Amount
    peak_rss_mb: Amount


class OperatorProfile(Section):
    """A profile, as it is kept in a file.

    by: whose figures they are.  estimated: the operators' shares are those of their multiply-accumulates, for nobody times them here.
    whole: None where the model does not run on this machine.  invalid: why the times are not to be trusted, or "".
    """

    version: Literal[1] = 1
    model: str
    backend: str
    provider: str
    by: str
    estimated: bool
    threads: Annotated[int, Field(ge=1)]
    cores: Annotated[int, Field(ge=1)]
    tokens: Annotated[int, Field(ge=1)]
    host_class: str
    operators: Annotated[list[Operator], Field(min_length=1)]
    whole: Whole | None = None
    invalid: str = ""

    def cost(self, operators: Iterable[Operator]) -> float:
        """What the operators cost: seconds of a run, or multiply-accumulates in an estimate."""
        return float(sum(one.macs if self.estimated else one.seconds for one in operators))

    def share(self, operators: Iterable[Operator]) -> float:
        """Of the cost of all operators, in [0, 1]."""
        whole = self.cost(self.operators)
        return self.cost(operators) / whole if whole else 0.0

    def by_kind(self) -> dict[str, list[Operator]]:
        """Operators by kind, the costliest first."""
        kinds: dict[str, list[Operator]] = {}
        for one in self.operators:
            kinds.setdefault(one.kind, []).append(one)
        return dict(sorted(kinds.items(), key=lambda item: -self.cost(item[1])))


def read_profile(file: Path) -> OperatorProfile:
    """A profile that `edge profile` wrote, here or on another machine; EdgeError for anything else."""
    return validate(read_object(file, "a profile of `edge profile`"), OperatorProfile, str(file))
