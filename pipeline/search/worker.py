"""One worker of a search, as a process: ``python -m pipeline.search.worker --number 1 [--seconds S] [--trials N]``.

The plan comes in the environment, not among the arguments, which every user of the machine can read: a URL may hold a password.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass

from pipeline.errors import EdgeError
from pipeline.search.plan import SearchPlan
from pipeline.search.work import Budget

PLAN = "EDGE_SEARCH_PLAN"


@dataclass(frozen=True)
class WorkerCommand:
    """How an engine starts worker ``number`` (0, 1, …) of a plan: ``argv`` with ``env`` added to the environment, or `work` itself."""

    plan: SearchPlan

    def argv(self, number: int, until: Budget) -> list[str]:
        limits = {"--seconds": until.seconds, "--trials": until.trials}
        return [sys.executable, "-m", "pipeline.search.worker", "--number", str(number),
                *(part for name, value in limits.items() if value is not None for part in (name, str(value)))]

    @property
    def env(self) -> dict[str, str]:
        return {PLAN: self.plan.to_json()}


def work(plan: SearchPlan, number: int, until: Budget) -> None:
    """Run trials of the plan's study as worker ``number``, which draws by a seed of its own, until the budget is spent."""
    from pipeline.progress import note
    from pipeline.search.task import open_task
    from pipeline.search.work import run_trials, told

    task = open_task(plan, number)
    run_trials(task.study, task.judge, until, lambda trial: note(told(trial, task.study.metric_names or [])))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m pipeline.search.worker", description="one worker of a search")
    parser.add_argument("--number", type=int, default=0)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--trials", type=int)
    options = parser.parse_args()
    try:
        if PLAN not in os.environ:
            raise EdgeError(f"expected a plan in ${PLAN}, found none; start workers by `edge search --workers N`")
        work(SearchPlan.from_json(os.environ[PLAN]), options.number, Budget(options.trials, options.seconds))
    except EdgeError as error:
        print(f"worker {options.number}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
