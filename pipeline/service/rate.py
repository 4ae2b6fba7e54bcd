"""How often one may ask: a bucket that refills."""

from __future__ import annotations

import time
from collections.abc import Callable

HELD = 1024  # buckets; a full one says nothing and may go


class Rate:
    """``per_minute`` requests of each name over time, ``burst`` of them at once.  Of one process."""

    def __init__(self, per_minute: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._burst, self._clock = per_minute / 60, burst, clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, name: str) -> float:
        """Seconds until ``name`` may ask; 0, and one taken, where it may now."""
        now = self._clock()
        left, then = self._buckets.get(name, (float(self._burst), now))
        left = min(self._burst, left + (now - then) * self._per_second)
        allowed = left >= 1
        self._buckets[name] = (left - allowed, now)
        if len(self._buckets) > HELD:
            self._forget(now)
        return 0.0 if allowed else (1 - left) / self._per_second

    def _forget(self, now: float) -> None:
        self._buckets = {name: (left, then) for name, (left, then) in self._buckets.items()
                         if left + (now - then) * self._per_second < self._burst}
