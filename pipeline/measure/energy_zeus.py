"""Energy of Apple silicon as the system's IOReport estimates it, through the package zeus-apple-silicon; no root needed."""

from __future__ import annotations

import time
from typing import Any

from pipeline.measure.energy import NoCounter, Reading

NEEDED = {"cpu": "cpu_total_mj", "gpu": "gpu_mj", "ane": "ane_mj"}
TOLD_BY_SOME = {"dram": "dram_mj"}  # not by older chips
ELSEWHERE = "measure on a real Apple silicon Mac"
WINDOW = "power"


class ZeusCounter:
    """CPU, GPU and Neural Engine, and DRAM where the chip tells it; no reading without one of the first three."""

    source = "IOReport through zeus-apple-silicon"

    def __init__(self) -> None:
        try:
            from zeus_apple_silicon import AppleEnergyMonitor
        except ImportError:
            raise NoCounter("the package zeus-apple-silicon is not installed: pip install zeus-apple-silicon") from None
        try:
            self._monitor = AppleEnergyMonitor()
        except Exception as error:  # its errors are bare RuntimeErrors
            raise NoCounter(f"zeus-apple-silicon finds no energy counters on this machine ({error}); {ELSEWHERE}") from error
        self._started = 0.0
        self.begin()
        parts_of(self._ended())  # proves that every part is told

    def begin(self) -> None:
        try:
            self._monitor.begin_window(WINDOW, restart=True)  # the one before may have ended in an error
        except Exception as error:
            raise NoCounter(f"zeus-apple-silicon began no window ({error}); {ELSEWHERE}") from error
        self._started = time.perf_counter()

    def end(self) -> Reading:
        seconds = time.perf_counter() - self._started
        return Reading(self.source, parts_of(self._ended()), seconds)

    def _ended(self) -> Any:
        try:
            return self._monitor.end_window(WINDOW)
        except Exception as error:
            raise NoCounter(f"zeus-apple-silicon ended no window ({error}); {ELSEWHERE}") from error


def parts_of(metrics: Any) -> dict[str, float]:
    """Millijoules by part of an AppleEnergyMetrics; NoCounter when it does not tell one that is needed."""
    told = {part: getattr(metrics, field, None) for part, field in {**NEEDED, **TOLD_BY_SOME}.items()}
    missing = [NEEDED[part] for part in NEEDED if told[part] is None]
    if missing:
        raise NoCounter(f"zeus-apple-silicon told no {' and no '.join(missing)}, and a sum without it would be too small; {ELSEWHERE}")
    return {part: value for part, value in told.items() if value is not None}
