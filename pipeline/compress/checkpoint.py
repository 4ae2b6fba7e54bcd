"""Where a training stands, as safetensors: the trained weights and AdamW's moments."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

FILE = "training.safetensors"
EVERY = 20.0  # seconds; longer where saving takes more than a tenth of that


class Checkpoint:
    """Kept in ``scratch`` for one run; ``run`` is text that says all that determines it."""

    def __init__(self, scratch: Path, run: str, weights: Mapping[str, nn.Parameter], optimizer: torch.optim.Optimizer,
                 every: float = EVERY) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        self._path, self._run, self._weights, self._optimizer = scratch / FILE, run, weights, optimizer
        self._every, self._saved, self._took = every, time.monotonic(), 0.0

    def save_sometimes(self, losses: list[float]) -> None:
        """Save after a step, if the last time is long enough ago.  losses: one of every step so far."""
        if (start := time.monotonic()) - self._saved < self._every * max(1.0, 10 * self._took / EVERY):
            return
        part = self._path.with_suffix(".part")
        save_file(self._state() | {"losses": torch.tensor(losses, dtype=torch.float64)}, part, metadata={"run": self._run})
        os.replace(part, self._path)
        self._saved = time.monotonic()
        self._took = self._saved - start

    def resume(self) -> list[float]:
        """Take over what an earlier call of the same run left, and return its losses; nothing for another or damaged one."""
        try:
            with safe_open(self._path, "pt") as file:
                if file.metadata().get("run") != self._run:
                    return []
                state = {name: file.get_tensor(name) for name in file.keys()}
        except (SafetensorError, OSError):
            return []
        with torch.no_grad():
            for name, weight in self._weights.items():
                weight.copy_(state[f"weight {name}"])
        moments: dict[int, dict[str, Tensor]] = {}
        for name in state:
            kind, _, rest = name.partition(" ")
            if kind == "moment":
                at, _, key = rest.partition(" ")
                moments.setdefault(int(at), {})[key] = state[name]
        self._optimizer.load_state_dict({**self._optimizer.state_dict(), "state": moments})
        return state["losses"].tolist()

    def _state(self) -> dict[str, Tensor]:
        moments = self._optimizer.state_dict()["state"]
        return {**{f"weight {name}": weight.detach() for name, weight in self._weights.items()},
                **{f"moment {at} {key}": value for at, kept in moments.items() for key, value in kept.items()}}
