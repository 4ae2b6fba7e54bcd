"""How long each step of an answer took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Timed:
    """``ms``: of each step that ran."""

    ms: dict[str, float] = field(default_factory=dict, kw_only=True)
    started: float = field(default_factory=time.perf_counter, kw_only=True)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.ms[step] = 1000 * (time.perf_counter() - start)

    def to_json(self) -> dict[str, Any]:
        """All that is told, with the time from the start until now as ``total``."""
        shown = {name: value for name, value in vars(self).items() if name != "started"}
        return {**shown, "ms": {**{step: round(ms, 2) for step, ms in self.ms.items()},
                                "total": round(1000 * (time.perf_counter() - self.started), 2)}}
