"""The loop that one worker runs: trials of a study until the budget is spent."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import EdgeError

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

UNITS = {"s": 1, "m": 60, "h": 3600}
REASON, REFUSED, SAME_AS = "reason", "refused", "same_as"
IN_VAIN, HOPELESS = 200, 10
"""Draws in a row that bring nothing new, after which the space counts as searched; failures from the start that end a search."""
LONGEST = 500
"""Characters of a reason: a database may not hold more."""


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


def run_trials(study: Study, judge: Callable[[Trial], Sequence[float]], until: Budget,
               after: Callable[[FrozenTrial], None] = lambda trial: None) -> None:
    """Draw points and judge them until the budget is spent or nothing new is drawn.

    judge: a trial -> its values, one an objective.  What it raises ends that trial, with the reason kept; what is drawn and refused
    before it is built, or was judged before, is no trial of the budget.  A trial that runs when time is up is finished.
    after: is told of each trial that has ended.  EdgeError when the first `HOPELESS` trials all failed.
    """
    watch = _Watch(until, after)

    def kept(trial: Trial) -> Sequence[float]:
        try:
            return judge(trial)
        except OSError:  # no fault of the recipe's: the next one would fail too
            raise
        except Exception as error:  # each technique's library raises its own kinds
            reason = str(error) if isinstance(error, EdgeError) else f"{type(error).__name__}: {error}"
            trial.set_user_attr(REASON, " ".join(reason.split())[:LONGEST])
            raise EdgeError(reason) from error

    if not spent(study, until):
        study.optimize(kept, timeout=until.seconds, catch=(EdgeError,), callbacks=[watch])
        watch.complain()


class _Watch:
    """Ends a run of trials, and says why where none of them could be judged."""

    def __init__(self, until: Budget, after: Callable[[FrozenTrial], None]) -> None:
        self._until, self._after = until, after
        self._in_vain, self._judged, self._reasons = 0, False, list[str]()

    def __call__(self, study: Study, trial: FrozenTrial) -> None:
        self._after(trial)
        self._in_vain = 0 if counts(trial) else self._in_vain + 1
        self._judged |= trial.values is not None
        if counts(trial) or self._in_vain == IN_VAIN:
            self._reasons.append(trial.user_attrs.get(REASON, ""))
        if self._in_vain >= IN_VAIN or self._hopeless or spent(study, self._until):
            study.stop()

    @property
    def _hopeless(self) -> bool:
        return not self._judged and (len(self._reasons) >= HOPELESS or self._in_vain >= IN_VAIN)

    def complain(self) -> None:
        if self._hopeless:
            raise EdgeError(f"expected a trial among the first that can be judged, found none; the last: {self._reasons[-1]}")


def counts(trial: FrozenTrial) -> bool:
    """Whether it has ended and cost something: it was neither refused before it was built nor drawn a second time."""
    return trial.state.is_finished() and not {REFUSED, SAME_AS} & trial.user_attrs.keys()


def spent(study: Study, until: Budget) -> bool:
    """Whether the study has its number of trials, whoever ran them."""
    return until.trials is not None and sum(map(counts, study.get_trials(deepcopy=False))) >= until.trials


def told(trial: FrozenTrial, names: Sequence[str]) -> str:
    """A line on a trial that has ended."""
    if trial.values is None:
        return f"trial {trial.number}: {trial.user_attrs.get(REASON, 'interrupted')}"
    values = ", ".join(f"{name} {value:.4g}" for name, value in zip(names, trial.values, strict=True))
    same = f", as trial {trial.user_attrs[SAME_AS]}" if SAME_AS in trial.user_attrs else ""
    return f"trial {trial.number}: {values}{same}"
