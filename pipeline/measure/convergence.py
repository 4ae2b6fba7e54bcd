"""Whether a training had come to rest when it ended."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipeline.errors import EdgeError
from pipeline.measure.measurement import Exact

if TYPE_CHECKING:
    from pipeline.store import Artifact


def loss_left(adapter: Artifact) -> Exact:
    """How much the training's last evaluated stretch changed the validation loss, up or down, as a share of its whole fall.

    details: ``losses`` by evaluated step, from before the first.  EdgeError where it was evaluated fewer than twice; 1 where it never fell.
    """
    curves = json.loads(adapter.file("curves.json").read_text(encoding="utf-8"))
    losses = [curves["train"][0]["loss"], *(point["loss"] for point in curves["eval"])]
    if len(losses) < 3:
        raise EdgeError(f"{adapter.kind}: expected at least two evaluations in the training's curves, found {len(losses) - 1}; "
                        "train longer")
    fall = losses[0] - min(losses)
    left = abs(losses[-1] - losses[-2]) / fall if fall > 0 else 1.0
    return Exact("loss_left", "proportion", {adapter.kind: adapter.key}, {},
                 {"losses": losses, "steps": [0, *(point["step"] for point in curves["eval"])]}, value=left)
