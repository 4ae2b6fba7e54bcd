"""Energy of a Linux machine's processors, from the kernel's powercap interface (Intel's and AMD's RAPL)."""

from __future__ import annotations

import time
from pathlib import Path

from pipeline.measure.energy import NoCounter, Reading

ROOT = Path("/sys/class/powercap")


class RaplCounter:
    """The processor packages' energy; DRAM and the rest are not in it."""

    source = "RAPL package domains"

    def __init__(self, root: Path) -> None:
        names = {file.parent: file.read_text().strip() for file in root.glob("intel-rapl:*/name")}
        self._packages = sorted(domain for domain, name in names.items() if name.startswith("package"))
        if not self._packages:
            raise NoCounter(f"this machine shows no energy counter (no RAPL package under {root}, as in most virtual "
                            "machines); measure on a Mac with Apple silicon or on bare-metal Linux")
        try:
            self._range = {package: int((package / "max_energy_range_uj").read_text()) for package in self._packages}
            self._read()
        except (OSError, ValueError) as error:
            raise NoCounter(f"the energy counter cannot be read ({error}); give this user read access to "
                            f"{self._packages[0]}/energy_uj") from error
        self._before: dict[Path, int] = {}
        self._started = 0.0

    def begin(self) -> None:
        self._started, self._before = time.perf_counter(), self._read()

    def end(self) -> Reading:
        used = 0
        for package, now in self._read().items():
            passed = now - self._before[package]
            used += passed if passed >= 0 else passed + self._range[package]
        return Reading(self.source, {"package": used / 1000}, time.perf_counter() - self._started)

    def _read(self) -> dict[Path, int]:
        return {package: int((package / "energy_uj").read_text()) for package in self._packages}
