"""A training that still falls when it ends has not converged; nor has one that never fell."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.errors import EdgeError
from pipeline.measure.convergence import loss_left


def trained(folder: Path, losses: list[float]) -> SimpleNamespace:
    (folder / "curves.json").write_text(json.dumps({"train": [{"step": step, "loss": loss} for step, loss in enumerate(losses, 1)]}))
    return SimpleNamespace(kind="adapter", key="k", file=lambda name: folder / name)


@pytest.mark.parametrize(("losses", "least", "most"), [
    (np.exp(-np.arange(200) / 20) + 0.1, 0, 0.001),  # at rest
    (np.linspace(3, 1, 200), 0.11, 0.12),  # a ninth of the fall was still to come in the last tenth
    (np.concatenate([np.exp(-np.arange(180) / 20), np.full(20, 0.5)]), 0.4, 1),  # torn up again at the end
    (np.concatenate([np.linspace(2, 0.1, 100), np.full(100, 3.0)]), 1, 2),  # blown up in the middle, and at rest since
    (np.linspace(1, 3, 200), 1, 1),
])
def test_the_share_of_the_fall_that_the_last_tenth_made(tmp_path: Path, losses: np.ndarray, least: float, most: float) -> None:
    assert least <= loss_left(trained(tmp_path, losses.tolist())).value <= most


def test_too_few_steps_say_nothing(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="at least 20 steps of training, found 19"):
        loss_left(trained(tmp_path, [1.0] * 19))
