"""The loop that one worker runs: trials of a study until the budget is spent."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import EdgeError

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

UNITS = {"s": 1, "m": 60, "h": 3600}
REASON, REFUSED, SAME_AS = "reason", "refused", "same_as"
IN_VAIN = 200
"""Draws in a row that bring nothing new, after which the space counts as searched."""


@dataclass(frozen=True)
class Budget:
    """When a search ends: at so many trials of the study in all, or when so many seconds have passed in this run; either or both."""

    trials: int | None = None
    seconds: float | None = None

    @staticmethod
    def of(text: str) -> Budget:
        """``90s``, ``10m`` or ``1h``; EdgeError for anything else."""
        match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)([smh])", text.strip(), re.ASCII)
        if not match or not float(match[1]):
            raise EdgeError(f"--budget: expected a time such as 90s, 10m or 1h, found {text!r:.40}")
        return Budget(seconds=float(match[1]) * UNITS[match[2]])


def run_trials(study: Study, judge: Callable[[Trial], Sequence[float]], until: Budget) -> None:
    """Draw points and judge them until the budget is spent or nothing new is drawn.

    judge: a trial -> its values, one an objective.  What it raises as EdgeError ends that trial, with the reason kept; what is drawn
    and refused before it is built, or was judged before, is no trial of the budget.  A trial that runs when time is up is finished.
    """
    started, in_vain = time.monotonic(), 0

    def kept(trial: Trial) -> Sequence[float]:
        try:
            return judge(trial)
        except EdgeError as error:
            trial.set_user_attr(REASON, str(error))
            raise

    def stop_when_spent(study: Study, trial: FrozenTrial) -> None:
        nonlocal in_vain
        in_vain = 0 if counts(trial) else in_vain + 1
        if in_vain >= IN_VAIN or spent(study, until):
            study.stop()

    if not spent(study, until):
        left = None if until.seconds is None else max(0.0, until.seconds - (time.monotonic() - started))
        study.optimize(kept, timeout=left, catch=(EdgeError,), callbacks=[stop_when_spent])


def counts(trial: FrozenTrial) -> bool:
    """Whether it has ended and cost something: it was neither refused before it was built nor drawn a second time."""
    return trial.state.is_finished() and not {REFUSED, SAME_AS} & trial.user_attrs.keys()


def spent(study: Study, until: Budget) -> bool:
    """Whether the study has its number of trials, whoever ran them."""
    return until.trials is not None and sum(map(counts, study.get_trials(deepcopy=False))) >= until.trials
