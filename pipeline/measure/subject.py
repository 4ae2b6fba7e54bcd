"""What is measured: a model and its decision, as they would be served."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Subject:
    """A model directory and a decision directory that serve together, on ``threads`` CPU threads.

    artifacts: role -> store key, the model's first; copied into every measurement.
    code: the folder that holds the ``pipeline`` that serves; None for this one.
    backend: what executes the model, where that is not the backend its files call for.
    workspace: of a learning assistant that the model was deployed into; then to decide is to answer, by all that the assistant has.
    deciding: of such an assistant, only what it decides before it answers.
    """

    name: str
    model: Path
    decision: Path
    threads: int
    artifacts: dict[str, str] = field(default_factory=dict)
    code: Path | None = None
    backend: str = ""
    workspace: Path | None = None
    deciding: bool = False
