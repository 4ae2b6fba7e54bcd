"""Quantises a model while it kills itself at one moment after another, then resumes: run as a program of its own, which loads torch once.

python killed_runs.py MODEL FOLDER MOMENT...: a line for each moment and what was told on resuming, until a run is through unkilled.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from pipeline.quantize import QuantizationConfig, quantize
from pipeline.quantize.checkpoint import open_checkpoint
from pipeline.quantize.plan import plan
from pipeline.store import Store


def config(model: Path, out: Path) -> QuantizationConfig:
    return QuantizationConfig(input=model, output=out, method="int4-rtn", group_size=32, shard_megabytes=0.02, threads=1)


def killed_at(moment: int, model: Path, out: Path, store: Store) -> bool:
    """Run in a child that is killed as it puts its ``moment``-th file in place; whether it was."""
    if (child := os.fork()) == 0:
        replace, left = os.replace, [moment]

        def counted(*places: str | Path) -> None:
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            replace(*places)

        os.replace = counted
        quantize(config(model, out), store=store)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def resumed(model: Path, out: Path, store: Store) -> list[str]:
    """What is told by a run that resumes, in a child too, for torch's threads do not survive a fork."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        told: list[str] = []
        quantize(config(model, out), resume=True, store=store, tell=told.append)
        os.write(writer, "\n".join(told).encode())
        os._exit(0)
    os.close(writer)
    os.wait()
    with os.fdopen(reader) as lines:
        return lines.read().splitlines()


if __name__ == "__main__":
    model, folder = Path(sys.argv[1]), Path(sys.argv[2])
    plan(open_checkpoint(model), config(model, folder / "x"))  # loads the libraries
    store = Store(folder / "store")
    for moment in map(int, sys.argv[3:]):
        if not killed_at(moment, model, folder / f"out-{moment}", store):
            break
        print(moment, *resumed(model, folder / f"out-{moment}", store), flush=True)
