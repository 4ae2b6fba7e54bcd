"""Checkpoints of a Trainer that may have been killed while it wrote one."""

from __future__ import annotations

import zipfile
from pathlib import Path

from pipeline.errors import EdgeError
from pipeline.runtime.files import read_object
from pipeline.train.adapter import WEIGHTS
from pipeline.train.weights import shapes

_STATES = ("optimizer.pt", "scheduler.pt", "rng_state.pth")  # zip archives; torch writes their directory last


def newest_whole(output: Path) -> Path | None:
    """The whole checkpoint of the latest step in ``output``, or None."""
    found = [folder for folder in output.glob("checkpoint-*") if folder.name.removeprefix("checkpoint-").isdigit()]
    return next((folder for folder in sorted(found, key=_step, reverse=True) if is_whole(folder)), None)


def is_whole(checkpoint: Path) -> bool:
    """Whether everything that resuming needs can be read."""
    try:
        state = read_object(checkpoint / "trainer_state.json", "the state of a training")
        shapes([checkpoint / WEIGHTS])
    except EdgeError:
        return False
    return state.get("global_step") == _step(checkpoint) and all(
        zipfile.is_zipfile(checkpoint / name) for name in _STATES
    )


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix("checkpoint-"))
