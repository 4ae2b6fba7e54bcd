"""Quantising in a child of this process, killed at a chosen moment or left alone."""

from __future__ import annotations

import faulthandler
import os
import signal
from collections.abc import Callable
from pathlib import Path

from pipeline.quantize import QuantizationConfig, quantize
from pipeline.store import Store

PATIENCE = 120.0


def killed_at(moment: int, config: QuantizationConfig, store: Store) -> bool:
    """Whether the child was killed, by SIGKILL, as it put its ``moment``-th file in place; False where it was done before."""
    def work() -> None:
        replace, left = os.replace, [moment]

        def counted(*places: str | Path) -> None:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            replace(*places)

        os.replace = counted
        quantize(config, store=store)

    code = _in_child(work)
    assert code in (0, -signal.SIGKILL)
    return code != 0


def resumed(config: QuantizationConfig, store: Store, lines: Path) -> str:
    """What a child that resumes tells, by way of the file ``lines``."""
    told: list[str] = []
    assert _in_child(lambda: (quantize(config, resume=True, store=store, tell=told.append), lines.write_text("\n".join(told)))) == 0
    return lines.read_text()


def _in_child(work: Callable[[], object]) -> int:
    """Its exit code.  ``config.threads`` must be 1: torch's threads do not survive a fork."""
    if (child := os.fork()) == 0:
        code = 1
        try:
            faulthandler.dump_traceback_later(PATIENCE, exit=True)
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
