"""Waiting until the machine is cool and idle: what was just built has heated it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import psutil

from pipeline.errors import EdgeError
from pipeline.measure.conditions import BUSY_CORES
from pipeline.measure.machine_state import MachineState, read_state
from pipeline.progress import track

LIMIT, STEP = 900.0, 5.0  # s
QUIET = 3
"""How many looks in a row must find nothing."""


def cool_down(limit: float = LIMIT, *, state: Callable[[], MachineState] = read_state, busy: Callable[[], float] | None = None,
              pause: Callable[[float], None] = time.sleep) -> float:
    """Seconds waited until QUIET looks in a row, STEP apart, saw no heat and no load; EdgeError where that takes longer than ``limit``."""
    look, waited, quiet, why = busy or _busy_cores, 0.0, 0, "no time to look"
    look()
    with track("cooling down", int(limit)) as bar:
        while quiet < QUIET:
            if waited >= limit:
                raise EdgeError(f"expected a cool and idle machine within {limit:.0f} s, found {why}; close other programs, let it rest "
                                "and run again: what was built is kept")
            pause(STEP)
            waited += STEP
            why = _disturbance(state(), look())
            quiet = 0 if why else quiet + 1
            bar.update(int(waited), note=why)
    return waited


def _disturbance(state: MachineState, cores: float) -> str:
    if state.throttled or state.thermal_pressure not in (None, "nominal"):
        return f"heat ({state.throttled or state.thermal_pressure})"
    return f"{cores:.1f} cores at work" if cores > BUSY_CORES else ""


def _busy_cores() -> float:
    """Since the last call."""
    return psutil.cpu_percent() / 100 * (os.cpu_count() or 1)
