"""One worker's task: the study with its sampler, and the judge that takes a drawn point to its values."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.compress.recipe import Recipe, RecipeFile
from pipeline.compress.sources import builder, merged_and_data
from pipeline.errors import EdgeError
from pipeline.profile import Profile
from pipeline.search.evaluate import Bench, Evaluation, evaluate, open_bench, refusal
from pipeline.search.halving import Rungs, goes_on, heals
from pipeline.search.objectives import Objective, default_objectives, objectives_of
from pipeline.search.plan import SearchPlan
from pipeline.search.ranking import Judged, judged
from pipeline.search.samplers import CONSTRAINTS, draws_whole, make_sampler
from pipeline.search.space import Space, checked_recipe, load_space, recipe_text
from pipeline.search.study import claim_setting, open_study
from pipeline.search.work import REFUSED, SAME_AS
from pipeline.verdict.thresholds import read_thresholds

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

RECIPE, KEY, RUNGS, SECONDS = "recipe", "key", "rungs", "seconds"
"""What a trial keeps beside its values: the YAML, the model's key in the store, what each rung found, and how long it took."""

LATER = 7919
"""What each trial of the study so far adds to the seed of a worker that starts: more than there are workers."""


@dataclass(frozen=True)
class Task:
    """objectives are optimised and held below their targets, constraints only held."""

    study: Study
    space: Space
    bench: Bench
    objectives: Sequence[Objective]
    constraints: Sequence[Objective]
    rungs: Rungs
    whole: bool = False  # see `Space.draw`

    def judge(self, trial: Trial) -> list[float]:
        """The values of a trial's recipe, from the highest rung that it reached; EdgeError where it is refused or cannot be built."""
        started = time.monotonic()
        drawn = self._drawn(trial)
        if (same := self._same(trial, recipe_text(drawn))) is not None:
            return same
        cheap = not any(heals(name) for step in drawn.steps for name in step)  # little is saved: at full cost at once
        for rung in range(self.rungs.last if cheap else 0, self.rungs.count):
            found = self._at(rung, drawn)
            seen = self._seen(rung, trial.number)
            self._keep(trial, rung, found, time.monotonic() - started)
            if rung < self.rungs.last and not goes_on(self._judged(found), seen, self.rungs.reduction):
                break
        return [found.values[objective.name] for objective in self.objectives]

    def _drawn(self, trial: Trial) -> RecipeFile:
        """The recipe at a trial's point, known to be one that can be built and is not clearly too large; REFUSED is set where it is not."""
        try:
            drawn = self.space.draw(trial, self.whole)
            trial.set_user_attr(RECIPE, recipe_text(drawn))
            reason = refusal(_checked(drawn), self.bench.profile, [*self.objectives, *self.constraints])
            if reason:
                raise EdgeError(f"refused before it was built: {reason}")
        except EdgeError:
            trial.set_user_attr(REFUSED, True)
            raise
        return drawn

    def _same(self, trial: Trial, text: str) -> list[float] | None:
        """The values of an earlier trial of the same recipe, with what it kept."""
        for other in self._complete():
            if SAME_AS not in other.user_attrs and _unnamed(other.user_attrs[RECIPE]) == _unnamed(text):
                for name in (CONSTRAINTS, KEY, RUNGS):
                    trial.set_user_attr(name, other.user_attrs[name])
                trial.set_user_attr(SAME_AS, other.number)
                return list(other.values)
        return None

    def _at(self, rung: int, drawn: RecipeFile) -> Evaluation:
        recipe = _checked(self.rungs.recipe_at(rung, drawn))
        return evaluate(recipe, self.bench, [*self.objectives, *self.constraints], self.rungs.queries_at(rung))

    def _keep(self, trial: Trial, rung: int, found: Evaluation, seconds: float) -> None:
        before = self._rungs_of(trial.user_attrs)
        kept = before + [{"values": found.values, "missed": found.missed}] * (rung + 1 - len(before))
        for name, value in ((RUNGS, kept), (CONSTRAINTS, list(found.missed.values())), (KEY, found.key), (SECONDS, round(seconds, 2))):
            trial.set_user_attr(name, value)

    def _seen(self, rung: int, number: int) -> list[Judged]:
        """What other trials found at a rung, those that still run too."""
        found = [self._rungs_of(other.user_attrs)[rung:rung + 1] for other in self.study.get_trials(deepcopy=False)
                 if other.number != number and SAME_AS not in other.user_attrs]
        return [self._judged(Evaluation(one["values"], one["missed"], "")) for kept in found for one in kept]

    def _judged(self, found: Evaluation) -> Judged:
        return judged([found.values[objective.name] for objective in self.objectives],
                      [objective.direction for objective in self.objectives], list(found.missed.values()))

    def _complete(self) -> list[FrozenTrial]:
        from optuna.trial import TrialState

        return self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))

    @staticmethod
    def _rungs_of(attributes: dict[str, Any]) -> list[dict[str, Any]]:
        return list(attributes.get(RUNGS, []))


def open_task(plan: SearchPlan, number: int = 0) -> Task:
    """All that worker ``number`` needs, from its plan; what the profile's base and data take is built here, once for all workers."""
    profile = plan.opened_profile()
    objectives, constraints = claims(plan, profile)
    space, rungs = load_space(plan.space), Rungs(plan.rungs, plan.reduction, plan.queries)
    study = open_study_of(plan)
    # Whoever joins late, resumes or takes a dead worker's place shall not draw again what was drawn.
    seed = plan.seed + number + LATER * len(study.get_trials(deepcopy=False))
    study.sampler = make_sampler(plan.sampler, seed % 2**32, objectives, plan.settings)
    build = builder(Path(plan.store), plan.store_url)
    bench = open_bench(build, profile, *merged_and_data(build, profile), plan.queries)
    return Task(study, space, bench, objectives, constraints, rungs, draws_whole(plan.sampler))


def open_study_of(plan: SearchPlan, sampler: BaseSampler | None = None) -> Study:
    """The study of a plan; EdgeError where it was begun with another."""
    study = open_study(plan.study, plan.study_url, sampler, claims(plan, plan.opened_profile())[0])
    claim_setting(study, plan.setting)
    return study


def claims(plan: SearchPlan, profile: Profile) -> tuple[list[Objective], list[Objective]]:
    """The objectives of a plan, or the profile's defaults, and the claims that are only held."""
    names = plan.objectives or default_objectives(profile)
    found = objectives_of([*names, *plan.constraints], read_thresholds(Path(plan.thresholds)), profile)
    return found[:len(names)], found[len(names):]


def _unnamed(text: str) -> str:
    """A recipe's YAML without its name, which is the trial's."""
    return text.partition("steps:")[2]


def _checked(drawn: RecipeFile) -> Recipe:
    with tempfile.TemporaryDirectory() as folder:
        return checked_recipe(recipe_text(drawn), Path(folder))
