"""The reference window: how a served model decided when all was well, in a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.atomic import write_atomically
from pipeline.errors import EdgeError
from pipeline.monitor.decisions import NAME, Decision
from pipeline.runtime.files import read_object
from pipeline.yaml_file import validate

LEAST, MOST = 500, 20_000  # decisions; below, a shift would have to be large to be seen
Milliseconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Window(BaseModel):
    """milliseconds: one a decision, in their order; confidences: sorted; labels: how often each was decided."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: Literal[1] = 1
    milliseconds: Annotated[list[Milliseconds], Field(min_length=LEAST, max_length=MOST)]
    confidences: list[Share]
    labels: dict[Annotated[str, Field(min_length=1, max_length=NAME)], Annotated[int, Field(ge=1)]]

    @model_validator(mode="after")
    def _one_of_each(self) -> Window:
        n = len(self.milliseconds)
        if len(self.confidences) != n or sum(self.labels.values()) != n:
            raise ValueError(f"expected {n} confidences and labels, as many as times")
        if sorted(self.confidences) != self.confidences:
            raise ValueError("expected confidences in ascending order")
        return self


def window_of(decisions: Sequence[Decision]) -> Window:
    """The latest decisions as a reference; EdgeError for too few."""
    kept = decisions[-MOST:]
    if len(kept) < LEAST:
        raise EdgeError(f"a reference window: expected at least {LEAST} decisions, found {len(kept)}; let it serve on, then save it")
    return Window(milliseconds=[one.ms for one in kept], confidences=sorted(one.confidence for one in kept),
                  labels=dict(sorted(Counter(one.label for one in kept).items())))


def read_window(file: Path) -> Window:
    """EdgeError for anything but what `write_window` wrote."""
    return validate(read_object(file, "a reference window"), Window, str(file))


def write_window(window: Window, file: Path) -> None:
    write_atomically(file, window.model_dump_json() + "\n")
