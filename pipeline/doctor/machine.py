"""The machine itself: what computes, and how much room and power there is."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Literal

from pipeline.doctor.environment import version
from pipeline.doctor.finding import Checks, Finding
from pipeline.store.failures import check_writable

GB = 1e9


def processors() -> Checks:
    return {"accelerator": _accelerator, "coreml": _coreml, "chip": _chip}


def room(store_root: Path) -> Checks:
    return {"disk": partial(_disk, store_root), "memory": _memory, "power": _power}


def _accelerator() -> Finding:
    program = shutil.which("nvidia-smi")
    if program:
        listed = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=10, check=False)
        if listed.returncode == 0 and listed.stdout.strip():
            return _cuda(listed.stdout.splitlines()[0].partition(" (UUID")[0])
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return Finding("accelerator", "ok", "mps")
    return Finding("accelerator", "ok", f"none; {os.cpu_count()} CPU cores", "full-size training wants a GPU or a Mac")


def _cuda(card: str) -> Finding:
    torch = version("torch") or ""
    if "+cpu" in torch:
        return Finding("accelerator", "warn", f"cuda: {card}, but torch is {torch}", "install torch built for CUDA")
    return Finding("accelerator", "ok", f"cuda: {card}")


def _coreml() -> Finding:
    import onnxruntime

    providers = onnxruntime.get_available_providers()
    if "CoreMLExecutionProvider" in providers:
        return Finding("coreml", "ok", "CoreMLExecutionProvider")
    listed = ", ".join(providers)
    if platform.system() == "Darwin":
        return Finding("coreml", "warn", f"not among {listed}", "reinstall onnxruntime from PyPI's macOS wheel")
    return Finding("coreml", "ok", f"none on {platform.system()} ({listed})", "its claims are not measured here")


def _chip() -> Finding:
    from pipeline.measure.host import describe_host

    host = describe_host()
    if host["is_m4"]:
        return Finding("chip", "ok", host["chip"])
    return Finding("chip", "ok", f"{host['cpu']}: no Apple M4", "claims marked m4 are not measured here")


def _disk(store_root: Path) -> Finding:
    root = store_root.expanduser().absolute()
    check_writable(root)
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(there).free / GB
    state: Literal["ok", "warn", "fail"] = "fail" if free < 2 else "warn" if free < 10 else "ok"
    do = "" if state == "ok" else "free some space, or edge artifacts prune"
    return Finding("disk", state, f"{free:.1f} GB free for {root}", do)


def _memory() -> Finding:
    import psutil

    memory = psutil.virtual_memory()
    found = f"{memory.available / GB:.1f} of {memory.total / GB:.1f} GB available"
    if memory.available < 4 * GB:
        return Finding("memory", "warn", found, "end other programs: training wants 4 GB")
    return Finding("memory", "ok", found)


def _power() -> Finding:
    import psutil

    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    if battery is None:
        return Finding("power", "ok", "no battery")
    if battery.power_plugged is False:
        return Finding("power", "warn", f"on battery, {battery.percent:.0f} %", "plug in: timings need mains power")
    return Finding("power", "ok", f"plugged in, battery {battery.percent:.0f} %")
