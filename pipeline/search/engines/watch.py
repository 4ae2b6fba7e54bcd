"""How far the workers are, on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.progress import track
from pipeline.search.plan import SearchPlan
from pipeline.search.storage import open_storage
from pipeline.search.work import Budget, counts, told

if TYPE_CHECKING:
    from optuna import Study

EVERY = 2.0  # seconds


@contextmanager
def watching(plan: SearchPlan, until: Budget) -> Iterator[Callable[[], None]]:
    """A function that, called often, now and then moves a bar of trials and tells the last; it does nothing where there is no terminal."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    following, study = 0.0, None
    with track("trials", until.trials) as bar:

        def look() -> None:
            nonlocal following, study
            if time.monotonic() < following:
                return
            following = time.monotonic() + EVERY
            study = study or _study(plan)
            ended = [trial for trial in study.get_trials(deepcopy=False) if counts(trial)] if study else []
            if study and ended:
                last = max(ended, key=lambda trial: trial.datetime_complete)
                bar.update(len(ended), note=told(last, study.metric_names or []))

        yield look


def _study(plan: SearchPlan) -> Study | None:
    """The study; None before a worker has made it."""
    import optuna

    try:
        return optuna.load_study(study_name=plan.study, storage=open_storage(plan.study_url))
    except KeyError:
        return None
