"""What the adapter tells the worker, and the lines by which the worker answers."""

from __future__ import annotations

from typing import Any, TypedDict

STEP, UNAVAILABLE = "angelslim-step: ", "angelslim-unavailable: "
STEPS = ("loading AngelSlim", "loading the model", "calibrating", "converting", "writing")


class Job(TypedDict):
    """source, out: model directories.  family: the class of AngelSlim's that handles the model.  compression: its configuration
    of the method.  prompts: token ids to calibrate with.  seconds: the time limit.  threads: of torch."""

    source: str
    out: str
    family: str
    compression: dict[str, Any]
    prompts: list[list[int]]
    seconds: float
    threads: int
