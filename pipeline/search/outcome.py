"""What became of a study: its points for the front, and the trials that brought none with their reasons."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pipeline.search.front import Point
from pipeline.search.samplers import CONSTRAINTS
from pipeline.search.task import KEY, RECIPE, RUNGS
from pipeline.search.work import REASON, SAME_AS, counts

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial


def points(study: Study, rungs: int) -> list[Point]:
    """The trials that were judged at full cost, each recipe once, by number."""
    names = study.metric_names or []
    return [Point(trial=trial.number, recipe=trial.user_attrs[RECIPE], values=dict(zip(names, trial.values, strict=True)),
                  feasible=all(missed < 0 for missed in trial.user_attrs[CONSTRAINTS]), key=trial.user_attrs[KEY])
            for trial in _complete(study) if len(trial.user_attrs.get(RUNGS, ())) == rungs and SAME_AS not in trial.user_attrs]


def begun(study: Study) -> int:
    """How many trials cost something, failed ones too."""
    return sum(map(counts, study.get_trials(deepcopy=False)))


def failures(study: Study) -> list[tuple[str, int]]:
    """Why trials failed, and how many each, the most frequent first."""
    reasons = Counter(trial.user_attrs.get(REASON, "its worker ended") for trial in study.get_trials(deepcopy=False)
                      if trial.state.name == "FAIL" and counts(trial))
    return reasons.most_common()


def seconds(study: Study) -> float:
    """From the first trial's start to the last one's end, without the time between two runs of the command longer than any trial."""
    done = sorted((trial.datetime_start, trial.datetime_complete) for trial in study.get_trials(deepcopy=False)
                  if trial.datetime_start and trial.datetime_complete)
    total, end = 0.0, None
    for start, complete in done:
        total += max(0.0, (complete - (max(start, end) if end else start)).total_seconds())
        end = max(complete, end) if end else complete
    return round(total, 1)


def _complete(study: Study) -> list[FrozenTrial]:
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
