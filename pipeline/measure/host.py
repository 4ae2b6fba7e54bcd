"""The machine a measurement was taken on: enough to know which other measurements it may be compared with."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from typing import Any

import psutil

from pipeline.store.host import cpu_name

LIBRARIES = (
    "torch", "transformers", "tokenizers", "safetensors", "peft", "ms-swift", "numpy", "onnx", "onnxruntime",
    "coremltools", "mlx", "mlx-lm", "psutil",
)


def describe_host() -> dict[str, Any]:
    """The facts of this machine and of the libraries that matter.

    chip: "Apple M4", "Apple M4 Pro" ... on a Mac, "" elsewhere.  is_m4: a real machine with a chip of the M4 family; a
    virtual machine on one is not, since it measures its host's scheduling.  host_class: baselines are compared only
    within the same one.
    """
    cpu, mac = cpu_name(), sys.platform == "darwin"
    chip = cpu if mac and cpu.startswith("Apple ") else ""
    virtual = _sysctl("kern.hv_vmm_present") == "1" if mac else None
    cores = os.cpu_count() or 0
    memory = round(psutil.virtual_memory().total / 1e9, 1)
    return {
        "system": platform.system(),
        "release": platform.mac_ver()[0] if mac else platform.release(),
        "build": _sysctl("kern.osversion") if mac else platform.version(),
        "machine": platform.machine(),
        "cpu": cpu,
        "model": _sysctl("hw.model") if mac else "",
        "chip": chip,
        "is_m4": is_m4(chip) and not virtual,
        "virtual": virtual,
        "cores": cores,
        "memory_gb": memory,
        "python": platform.python_version(),
        "host_class": host_class(platform.system(), platform.machine(), cores, cpu),
        "libraries": installed(LIBRARIES),
    }


def is_m4(chip: str) -> bool:
    """Whether the chip is of the M4 family: "Apple M4", "Apple M4 Pro", "Apple M4 Max", not "Apple M4 (Virtual)"."""
    return re.fullmatch(r"Apple M4( Pro| Max| Ultra)?", chip) is not None


def host_class(system: str, machine: str, cores: int, cpu: str) -> str:
    """What decides a machine's speed, as one string: "linux-x86_64-2c-AMD EPYC"."""
    return f"{system.lower()}-{machine}-{cores}c-{cpu}"


@cache
def installed(names: Iterable[str]) -> dict[str, str]:
    """Version by distribution name, of those that are installed."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _sysctl(name: str) -> str:
    try:
        command = ["/usr/sbin/sysctl", "-n", name]
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
