"""What a search begins with beside chance: recipes written by hand, and the trials of an earlier study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipeline.compress.recipe import load_recipe, recipes
from pipeline.errors import EdgeError
from pipeline.search.ranking import dominators, judged
from pipeline.search.samplers import CONSTRAINTS
from pipeline.search.space import Space
from pipeline.search.study import SETTING

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

SEED_OF, WARM = "seed", "warm"
"""The trial's attribute with the name of the recipe or of the study that it came from."""


def held(space: Space) -> list[str]:
    """The recipes that come with the project and lie in a space."""
    found = []
    for name in recipes():
        try:
            space.point(load_recipe(name))
        except EdgeError:
            continue
        found.append(name)
    return found


def enqueue_recipes(study: Study, space: Space, names: Sequence[str]) -> None:
    """Let the study begin with these recipes, each once; EdgeError for one that the space does not hold."""
    for name in names:
        study.enqueue_trial(space.point(load_recipe(name)), user_attrs={SEED_OF: name}, skip_if_exists=True)


def start_warm(study: Study, earlier: str) -> tuple[int, int]:
    """How many trials of an earlier study, in the same database, were taken over and how many are tried again.

    With the same objectives, profile and tuning queries its trials are as good as this study's own; with others its front is tried again
    here, before anything is drawn.  EdgeError where there is no such study, or one without a finished trial.
    """
    import optuna

    try:
        before = optuna.load_study(study_name=earlier, storage=study._storage)
    except KeyError:
        known = [one for one in optuna.get_all_study_names(study._storage) if one != study.study_name]
        raise EdgeError(f"--warm-start: expected a study of the same database ({', '.join(known) or 'it has none'}), "
                        f"found {earlier!r}") from None
    done = before.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    if not done:
        raise EdgeError(f"--warm-start: expected a study with finished trials, found none in {earlier}; search there first")
    if any(trial.user_attrs.get(WARM) == earlier for trial in study.get_trials(deepcopy=False)):
        return 0, 0
    if _alike(study, before):
        study.add_trials([_copy(trial, earlier) for trial in done])
        return len(done), 0
    front = _front(before, done)
    for trial in front:
        study.enqueue_trial(trial.params, user_attrs={WARM: earlier}, skip_if_exists=True)
    return 0, len(front)


def _alike(study: Study, before: Study) -> bool:
    return study.user_attrs.get(SETTING) == before.user_attrs.get(SETTING) and study.metric_names == before.metric_names


def _copy(trial: FrozenTrial, earlier: str) -> FrozenTrial:
    import optuna

    attributes: dict[str, Any] = {**trial.user_attrs, WARM: earlier}
    return optuna.trial.create_trial(values=trial.values, params=trial.params, distributions=trial.distributions, user_attrs=attributes,
                                     system_attrs={"constraints": trial.user_attrs.get(CONSTRAINTS, [])})


def _front(study: Study, done: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    directions = [direction.name.lower() for direction in study.directions]
    known = [judged(trial.values, directions, trial.user_attrs.get(CONSTRAINTS, ())) for trial in done]
    return [trial for trial, one in zip(done, known, strict=True) if not dominators(one, known)]
