"""The student's settings: ``assistant.yaml`` at the root of a workspace."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from pipeline.yaml_file import read_model

SETTINGS = "assistant.yaml"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CloudSettings(_Part):
    """``url``: base URL of an OpenAI-compatible server, "" for none; ``model``: what to ask for there.

    ``key_variable``: the environment variable with its key.
    ``passages``: of the student's files that may go along with a question, of ``characters`` in all; ``record``: whether lines of
    the study record may, where a question is about the student's own learning.
    """

    url: str = ""
    model: str = Field("", validate_default=True)
    key_variable: str = Field("EDGE_CLOUD_API_KEY", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    passages: int = Field(3, ge=0, le=10)
    characters: int = Field(1200, ge=0, le=8000)
    record: bool = True

    @field_validator("model")
    @classmethod
    def _named(cls, model: str, others: ValidationInfo) -> str:
        if others.data.get("url") and not model.strip():
            raise ValueError("expected the name of a model where cloud.url is set; write one")
        return model


class Settings(_Part):
    """``cards``: the card file, from the workspace on.  ``phrasing_ms``: how long a model may choose words.

    ``log_questions``: whether log and terminal keep what was asked.
    """

    cards: str = Field("cards.yaml", min_length=1)
    threads: int = Field(1, ge=1, le=64)
    phrasing_ms: float = Field(60, gt=0, allow_inf_nan=False)
    log_questions: bool = False
    cloud: CloudSettings = CloudSettings()


def read_settings(path: Path) -> Settings:
    """The settings of a file; EdgeError in one line for a mistake in it."""
    return read_model(path, Settings)
