"""What `edge monitor` found, in a file: the servers' /metrics show it without looking at a decision themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.atomic import write_atomically
from pipeline.runtime.files import read_object
from pipeline.yaml_file import validate

Stream = Literal["latency", "slowest", "confidence", "intents"]
Count = Annotated[int, Field(ge=0)]


class Finding(BaseModel):
    """at: Unix time of the look, in s.  decisions: heard in all.  alarms: how many of each stream."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: Literal[1] = 1
    at: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    decisions: Count
    alarms: dict[Stream, Count]


def read_finding(file: Path) -> Finding:
    """EdgeError for anything but what `write_finding` wrote."""
    return validate(read_object(file, "what edge monitor found"), Finding, str(file))


def write_finding(finding: Finding, file: Path) -> None:
    write_atomically(file, finding.model_dump_json() + "\n")
