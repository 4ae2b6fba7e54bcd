"""A worker of a search whose trials cost nothing: a point is an artifact of the store, built by writing a line.

Run as a program it is a worker: ``python -m tests.search.stand_in --number N …``.  One trial, the first that finds no file VICTIM in the
folder of its plan, writes its process there and hangs.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from pipeline.search import storage
from pipeline.search.plan import SearchPlan
from pipeline.search.work import Budget, run_trials
from pipeline.search.worker import PLAN, WorkerCommand
from pipeline.store import Spec, Store, Workspace

VICTIM, BUILT = "victim", "built.jsonl"
CHOICES = 6


@dataclass(frozen=True)
class StandIn(WorkerCommand):
    """As the worker of a search, but with trials of this module.  ``settings`` of its plan: pace (seconds a trial), hang (bool)."""

    def argv(self, number: int, until: Budget) -> list[str]:
        return [sys.executable, __file__, *super().argv(number, until)[3:]]


def plan(folder: Path, url: str, store: str = "store", shared: Path | None = None, pace: float = 0.0, hang: bool = False) -> SearchPlan:
    return SearchPlan("stand-in", url, str(folder / store), f"file://{shared}" if shared else "", settings={"pace": pace, "hang": hang})


def study(url: str):
    """The study as it stands, its heartbeats fast."""
    import optuna
    storage.HEARTBEAT, storage.SILENT = 1, 4
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(study_name="stand-in", storage=storage.open_storage(url), load_if_exists=True,
                               sampler=optuna.samplers.RandomSampler())


def work(plan: SearchPlan, number: int, until: Budget) -> None:
    folder = Path(plan.store).parent
    store = Store(Path(plan.store), plan.store_url or None)

    def judge(trial) -> list[float]:
        x = trial.suggest_int("x", 1, CHOICES)
        trial.set_user_attr("worker", number)
        store.get(Spec("point", lambda space: _build(space, folder, x, number), {"x": x}))
        if plan.settings["hang"]:
            _hang_once(folder, trial)
        time.sleep(plan.settings["pace"])
        return [float(x)]

    run_trials(study(plan.study_url), judge, until)


def _build(space: Workspace, folder: Path, x: int, number: int) -> None:
    (space.out / "x.txt").write_text(str(x))
    with (folder / BUILT).open("a") as journal:
        journal.write(json.dumps({"x": x, "worker": number}) + "\n")
    time.sleep(0.3)  # long enough for another worker to want the same


def _hang_once(folder: Path, trial) -> None:
    try:
        descriptor = os.open(folder / VICTIM, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return
    trial.set_user_attr("found", "half")
    os.write(descriptor, str(os.getpid()).encode())
    os.close(descriptor)
    time.sleep(120)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--number", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--trials", type=int)
    options = parser.parse_args()
    work(SearchPlan.from_json(os.environ[PLAN]), options.number, Budget(options.trials, options.seconds))
