"""What slows a machine down and is read at one moment: battery, low power mode, throttling, thermal pressure."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from pipeline.measure.thermal_pressure import thermal_pressure


@dataclass(frozen=True)
class MachineState:
    """One moment.  None, or "" for ``throttled``: the machine does not tell."""

    on_battery: bool | None = None
    low_power_mode: bool | None = None
    throttled: str = ""
    thermal_pressure: str | None = None


def read_state() -> MachineState:
    """The state now; on a Mac two short runs of pmset."""
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    on_battery = None if battery is None or battery.power_plugged is None else not battery.power_plugged
    if sys.platform != "darwin":
        return MachineState(on_battery)
    return MachineState(on_battery, low_power_mode(_pmset("-g")), speed_limits(_pmset("-g", "therm")), thermal_pressure())


def worst(before: MachineState, after: MachineState) -> dict[str, Any]:
    """The worse of both ends, fact by fact: a measurement is as good as its worst moment that was seen."""
    limits = dict.fromkeys(state.throttled for state in (before, after) if state.throttled)
    pressure = [state.thermal_pressure for state in (before, after) if state.thermal_pressure]
    return {
        "on_battery": _either(before.on_battery, after.on_battery),
        "low_power_mode": _either(before.low_power_mode, after.low_power_mode),
        "throttled": ", ".join(limits),
        "thermal_pressure": next((level for level in pressure if level != "nominal"), pressure[0] if pressure else None),
    }


def low_power_mode(settings: str) -> bool | None:
    """Of ``pmset -g``: the row ``lowpowermode`` or ``powermode`` is 1 in low power mode; None without such a row."""
    rows = [line.split() for line in settings.splitlines()]
    modes = [row[1] for row in rows if len(row) > 1 and row[0] in ("lowpowermode", "powermode")]
    return "1" in modes if modes else None


def speed_limits(heat: str) -> str:
    """Of ``pmset -g therm``: every limit that is not 100 %, such as ``CPU_Speed_Limit=60``."""
    limits = ["".join(line.split()) for line in heat.splitlines() if "_Limit" in line]
    return ", ".join(limit for limit in limits if not limit.endswith("=100"))


def linux_throttles() -> int:
    """How often the cores were throttled since boot; 0 where Linux does not count it."""
    counters = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/thermal_throttle/core_throttle_count")
    return sum(_number(counter) for counter in counters)


def _number(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return 0


def _either(before: bool | None, after: bool | None) -> bool | None:
    known = [state for state in (before, after) if state is not None]
    return any(known) if known else None


def _pmset(*arguments: str) -> str:
    try:
        command = ["/usr/bin/pmset", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
