"""What slows a machine down and is read at one moment: battery, low power mode, throttling, thermal pressure."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from pipeline.measure.mac_command import output_of
from pipeline.measure.thermal_pressure import thermal_pressure

PMSET = "/usr/bin/pmset"


@dataclass(frozen=True)
class MachineState:
    """One moment.  None, or "" for ``throttled``: the machine does not tell."""

    on_battery: bool | None = None
    low_power_mode: bool | None = None
    throttled: str = ""
    thermal_pressure: str | None = None


def read_state() -> MachineState:
    """The state now; on a Mac three short runs of pmset."""
    if sys.platform != "darwin":
        return MachineState(_unplugged())
    source, settings, heat = (output_of(PMSET, "-g", *asked) for asked in (("batt",), (), ("therm",)))
    battery = on_battery(source)
    return MachineState(_unplugged() if battery is None else battery, low_power_mode(settings), speed_limits(heat), thermal_pressure())


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


def on_battery(source: str) -> bool | None:
    """Of ``pmset -g batt``, whose first line is ``Now drawing from 'AC Power'``: a UPS is a battery; None without that line."""
    found = re.search(r"^Now drawing from '(AC|Battery|UPS) Power'", source, re.MULTILINE)
    return found[1] != "AC" if found else None


def low_power_mode(settings: str) -> bool | None:
    """Of ``pmset -g``: the row ``lowpowermode`` or ``powermode`` is 1 in low power mode, 0 (automatic) or 2 (high power) out of it;
    None without such a row."""
    rows = [line.split() for line in settings.splitlines()]
    modes = {row[1] for row in rows if len(row) > 1 and row[0] in ("lowpowermode", "powermode")}
    if "1" in modes:
        return True
    return False if modes and modes <= {"0", "2"} else None


def speed_limits(heat: str) -> str:
    """Of ``pmset -g therm``: every limit that is not 100 %, such as ``CPU_Speed_Limit=60``, and every warning level that is not 0."""
    return ", ".join(filter(None, (_broken_limit(line) for line in heat.splitlines())))


def _broken_limit(line: str) -> str:
    found = re.search(r"\b(\w+_Limit|(?:Thermal|Performance)(?: Warning)? Level)\s*[=:]?\s*(-?\d*)", line, re.ASCII | re.IGNORECASE)
    if not found or line.lower().startswith("note: no "):
        return ""
    usual = "100" if found[1].lower().endswith("_limit") else "0"
    return "" if found[2] == usual else f"{found[1]}={found[2] or '?'}"


def linux_throttles() -> int:
    """How often the cores were throttled since boot; 0 where Linux does not count it."""
    counters = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/thermal_throttle/core_throttle_count")
    return sum(_number(counter) for counter in counters)


def _unplugged() -> bool | None:
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    return None if battery is None or battery.power_plugged is None else not battery.power_plugged


def _number(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return 0


def _either(before: bool | None, after: bool | None) -> bool | None:
    known = [state for state in (before, after) if state is not None]
    return any(known) if known else None
