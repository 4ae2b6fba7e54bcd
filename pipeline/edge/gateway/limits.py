"""How long the cloud is waited for: the content of ``cloud.yaml``."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from pipeline.yaml_file import read_model

DEFAULT = Path(__file__).with_name("cloud.yaml")


class Limits(BaseModel):
    """Times in seconds; see cloud.yaml for each."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    connect: float = Field(gt=0, allow_inf_nan=False)
    silence: float = Field(gt=0, allow_inf_nan=False)
    total: float = Field(gt=0, allow_inf_nan=False)
    attempts: int = Field(ge=1, le=10)
    first_wait: float = Field(ge=0, allow_inf_nan=False)
    longest_wait: float = Field(ge=0, allow_inf_nan=False)
    failures: int = Field(ge=1)
    rest: float = Field(gt=0, allow_inf_nan=False)
    longest_answer: int = Field(ge=1000)


def read_limits(path: Path = DEFAULT) -> Limits:
    """The limits of a file; EdgeError in one line for a mistake in it."""
    return read_model(path, Limits)
