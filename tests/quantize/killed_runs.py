"""Quantising in a child of its own, killed at a chosen moment or left alone.

The children are forked from a process that has read the libraries and has no thread: one with threads may fork a lock that nobody frees.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

from pipeline.quantize import QuantizationConfig, quantize
from pipeline.store import Store

PATIENCE = 120.0
_server = get_context("forkserver")
_server.set_forkserver_preload(["tests.quantize.killed_runs", "pipeline.quantize.step", "pipeline.quantize.backends.ptq",
                                "compressed_tensors.compressors", "transformers.models.qwen3.modeling_qwen3"])


def killed_at(moment: int, config: QuantizationConfig, store: Store) -> bool:
    """Whether the child was killed, by SIGKILL, as it put its ``moment``-th file in place; False where it was done before."""
    code = _in_child(_work, moment, config, store.root)
    assert code in (0, -signal.SIGKILL)
    return code != 0


def resumed(config: QuantizationConfig, store: Store, lines: Path) -> str:
    """What a child that resumes tells, by way of the file ``lines``."""
    assert _in_child(_resume, config, store.root, lines) == 0
    return lines.read_text()


def _work(moment: int, config: QuantizationConfig, store: Path) -> None:
    replace, left = os.replace, [moment]

    def counted(*places: str | Path) -> None:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(*places)

    os.replace = counted
    quantize(config, store=Store(store))


def _resume(config: QuantizationConfig, store: Path, lines: Path) -> None:
    told: list[str] = []
    quantize(config, resume=True, store=Store(store), tell=told.append)
    lines.write_text("\n".join(told))


def _in_child(work: Callable[..., None], *arguments: object) -> int:
    """Its exit code; TimeoutError where it takes too long.  ``config.threads`` is 1: torch's threads do not survive a fork."""
    child = _server.Process(target=work, args=arguments)
    child.start()
    child.join(PATIENCE)
    if child.exitcode is None:
        child.kill()
        raise TimeoutError(f"{work.__name__} took more than {PATIENCE:g} s")
    return child.exitcode
