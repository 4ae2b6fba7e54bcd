"""What speaks against measuring on this machine now: one line each, with what to do."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from pipeline.measure.host import describe_host, is_m4
from pipeline.measure.machine_state import MachineState, read_state

DISK_GB, MEMORY_GB = 40.0, 12.0
"""For the artifacts of Qwen3-0.6B in every format, and to convert them: LiteRT took 10.5 GB (docs/device_formats.md)."""
REHEARSE = "or add --rehearse (make m4 ARGS=--rehearse) to go through the steps here, every claim not measured"


def refusals(host: Mapping[str, Any], state: MachineState, disk_gb: float, memory_gb: float, python: tuple[int, int]) -> list[str]:
    """host: of `describe_host`.  disk_gb: free.  memory_gb: of the machine.  A fact that the machine does not tell speaks for nothing."""
    return [*_of_the_machine(host, disk_gb, memory_gb, python), *_of_the_moment(state)]


def refusals_here(store: Path) -> list[str]:
    """Of this machine now, with the store in that folder."""
    there = next(folder for folder in (store.expanduser().absolute(), *store.expanduser().absolute().parents) if folder.exists())
    host = describe_host()
    return refusals(host, read_state(), shutil.disk_usage(there).free / 1e9, psutil.virtual_memory().total / 1e9, sys.version_info[:2])


def _of_the_machine(host: Mapping[str, Any], disk_gb: float, memory_gb: float, python: tuple[int, int]) -> Iterator[str]:
    if host["system"] != "Darwin":
        yield f"expected a Mac with an Apple M4, found {host['system']} on {host['cpu']}: run `make m4` there, {REHEARSE}"
        return
    if host["virtual"]:
        yield f"expected a Mac itself, found a virtual machine on {host['cpu']}, which measures its host: run on the Mac, {REHEARSE}"
    elif not is_m4(host["chip"]):
        yield f"expected an Apple M4, M4 Pro or M4 Max, found {host['chip'] or host['cpu']}: run on one of these, {REHEARSE}"
    elif host["machine"] != "arm64":
        yield f"expected a Python for arm64, found one for {host['machine']}, which is translated: remove .venv and take another"
    elif not host["is_m4"]:
        yield "expected a Mac that says it is no virtual machine, found one that does not tell: see `sysctl kern.hv_vmm_present`"
    if python != (3, 11):
        yield f"expected Python 3.11, found {python[0]}.{python[1]}: remove .venv and run `make m4 PYTHON=python3.11`"
    if disk_gb < DISK_GB:
        yield f"expected {DISK_GB:g} GB free for the store, found {disk_gb:.1f}: free some, or `edge artifacts prune 5GB`"
    if memory_gb < MEMORY_GB:
        yield f"expected {MEMORY_GB:g} GB of memory, found {memory_gb:.1f}: build elsewhere and fetch with --store-url, on a Mac with more"


def _of_the_moment(state: MachineState) -> Iterator[str]:
    if state.on_battery:
        yield "expected mains power, found the Mac on battery: plug it in"
    if state.low_power_mode:
        yield "expected full power, found low power mode: switch it off in System Settings, Battery (or Energy)"
    if state.throttled:
        yield f"expected an unthrottled processor, found {state.throttled}: let it cool down, then run again"
    if state.thermal_pressure not in (None, "nominal"):
        yield f"expected no thermal pressure, found {state.thermal_pressure}: let it cool down, then run again"
