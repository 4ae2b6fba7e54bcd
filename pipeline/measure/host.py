"""The machine a measurement was taken on: enough to know which other measurements it may be compared with."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from typing import Any

import psutil

from pipeline.measure.mac_chip import Chip, read_chip
from pipeline.store.host import cpu_name

LIBRARIES = (
    "torch", "transformers", "tokenizers", "safetensors", "peft", "ms-swift", "numpy", "onnx", "onnxruntime",
    "coremltools", "mlx", "mlx-lm", "psutil",
)


def describe_host() -> dict[str, Any]:
    """The facts of this machine and of the libraries that matter.

    chip: "Apple M4", "Apple M4 Pro" ... on a Mac, "" elsewhere; performance_cores, efficiency_cores and gpu_cores of it, None
    where it does not tell.  is_m4: a real machine with a chip of the M4 family, known to be none of its likes (`proven_m4`).
    host_class: baselines are compared only within the same one.
    """
    cpu, mac = cpu_name(), sys.platform == "darwin"
    chip = read_chip(cpu) if mac else Chip()
    machine, cores = platform.machine(), os.cpu_count() or 0
    memory = round(psutil.virtual_memory().total / 1e9, 1)
    return {
        "system": platform.system(),
        "release": platform.mac_ver()[0] if mac else platform.release(),
        "build": chip.build if mac else platform.version(),
        "machine": machine,
        "cpu": cpu,
        "model": chip.model,
        "chip": chip.name,
        "is_m4": proven_m4(chip, machine),
        "virtual": chip.virtual,
        "cores": cores,
        "performance_cores": chip.performance_cores,
        "efficiency_cores": chip.efficiency_cores,
        "gpu_cores": chip.gpu_cores,
        "memory_gb": memory,
        "python": platform.python_version(),
        "host_class": host_class(platform.system(), machine, cores, cpu, chip.gpu_cores),
        "libraries": installed(LIBRARIES),
    }


def is_m4(chip: str) -> bool:
    """Whether the chip is of the M4 family: "Apple M4", "Apple M4 Pro", "Apple M4 Max", not "Apple M4 (Virtual)"."""
    return re.fullmatch(r"Apple M4( Pro| Max| Ultra)?", chip) is not None


def proven_m4(chip: Chip, machine: str) -> bool:
    """Whether it is an M4 that measures itself.

    A virtual machine on one measures its host's scheduling, and a Python built for Intel (``machine`` is not arm64) its
    translation; a Mac that does not tell whether it is virtual is taken for neither.
    """
    return is_m4(chip.name) and chip.virtual is False and machine == "arm64"


def host_class(system: str, machine: str, cores: int, cpu: str, gpu_cores: int | None = None) -> str:
    """What decides a machine's speed, as one string: "linux-x86_64-2c-AMD EPYC", "darwin-arm64-10c-Apple M4-10g".

    The GPU's cores tell apart what one name is sold as: an M4 Max has 32 or 40.
    """
    return f"{system.lower()}-{machine}-{cores}c-{cpu}" + (f"-{gpu_cores}g" if gpu_cores else "")


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

