"""Whether a training had come to rest when it ended."""

from __future__ import annotations

import json
from statistics import fmean
from typing import TYPE_CHECKING

from pipeline.errors import EdgeError
from pipeline.measure.measurement import Exact

if TYPE_CHECKING:
    from pipeline.store import Artifact


TENTH = 10


def loss_left(trained: Artifact) -> Exact:
    """How much the last tenth of the training's steps changed the mean loss of the tenth before, or lies above the best one, as a share
    of the whole fall.

    details: ``losses``, the mean of each tenth.  1 where the loss never fell.  EdgeError for a training of fewer than 20 steps.
    """
    losses = [point["loss"] for point in json.loads(trained.file("curves.json").read_text(encoding="utf-8"))["train"]]
    if len(losses) < 2 * TENTH:
        raise EdgeError(f"{trained.kind}: expected at least {2 * TENTH} steps of training, found {len(losses)}; train longer")
    means = [fmean(losses[place * len(losses) // TENTH:(place + 1) * len(losses) // TENTH]) for place in range(TENTH)]
    fall = means[0] - min(means)
    left = max(abs(means[-1] - means[-2]), means[-1] - min(means)) / fall if fall > 0 else 1.0
    return Exact("loss_left", "proportion", {trained.kind: trained.key}, {}, {"losses": means}, value=left)
