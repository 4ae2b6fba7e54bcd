"""The documented rules: what goes to the cloud without asking the model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pipeline.yaml_file import read_model


@dataclass(frozen=True)
class Asked:
    """A query (the standalone one), and what its client says of it."""

    query: str
    requires_reasoning: bool = False
    previous_failed: bool = False


class Rules(BaseModel):
    """``keywords``: parts of a query; ``longest``: in characters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keywords: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    longest: Annotated[int, Field(gt=0, strict=True)]

    def of(self, asked: Asked) -> str | None:
        """The first rule that sends the query to the cloud; None when none does."""
        fires = {
            "requires_reasoning": asked.requires_reasoning,
            "previous_failed": asked.previous_failed,
            "length": len(asked.query) > self.longest,
            "keyword": any(word in asked.query for word in self.keywords),
        }
        return next((name for name, fired in fires.items() if fired), None)


def read_rules(path: Path) -> Rules:
    """The rules of a YAML file; EdgeError when it is missing or malformed."""
    return read_model(path, Rules)


@cache
def documented_rules() -> Rules:
    """The rules in rules.yaml, read once."""
    return read_rules(Path(__file__).with_name("rules.yaml"))
