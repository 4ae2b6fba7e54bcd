"""Samplers on the table: how much of the possible hypervolume each has after so many trials, beside random, over several seeds."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna
from scipy.stats import binomtest

from benchmarks.search.table import OBJECTIVES, SPACE, Row, Steps, Table, key_of
from pipeline.errors import EdgeError
from pipeline.profile import load_profile
from pipeline.report.markdown.text import table as markdown
from pipeline.search.objectives import Objective, objectives_of
from pipeline.search.samplers import CONSTRAINTS, draws_whole, make_sampler
from pipeline.search.space import load_space
from pipeline.search.work import REASON, REFUSED, SAME_AS, Budget, run_trials
from pipeline.verdict.bootstrap import sample_mean
from pipeline.verdict.thresholds import read_thresholds

RANDOM, CONFIDENCE = "random", 0.95


@dataclass(frozen=True)
class Sampled:
    """A sampler's shares of the table's hypervolume, one a seed, and how many seeds it won and lost against random."""

    sampler: str
    trials: int
    shares: tuple[float, ...]
    won: int
    lost: int

    @property
    def p(self) -> float:
        """Of the two-sided sign test; draws are left out."""
        return float(binomtest(self.won, self.won + self.lost).pvalue) if self.won + self.lost else 1.0


def replay(found: Table, samplers: Sequence[str], seeds: Sequence[int], budgets: Sequence[int]) -> list[Sampled]:
    """Every sampler at every budget; each run goes to the largest and is looked at on the way.  LookupError for a table with gaps."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shares = {name: np.array([run(found, name, seed, budgets) for seed in seeds]) for name in dict.fromkeys([RANDOM, *samplers])}
    made = []
    for at, budget in enumerate(budgets):
        chance = shares[RANDOM][:, at]
        for name, figures in shares.items():
            mine = figures[:, at]
            made.append(Sampled(name, budget, tuple(map(float, mine)), int((mine > chance).sum()), int((mine < chance).sum())))
    return made


def run(found: Table, sampler: str, seed: int, budgets: Sequence[int]) -> list[float]:
    """The share of the table's hypervolume after each budget's trials."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space, objectives = load_space(str(SPACE)), _objectives()
    study = optuna.create_study(directions=[one.direction for one in objectives], sampler=make_sampler(sampler, seed, objectives, {}))
    seen: dict[str, Row] = {}
    whole = draws_whole(sampler)
    run_trials(study, lambda trial: _looked_up(trial, space.draw(trial, whole).steps, found, seen), Budget(trials=max(budgets)))
    for trial in study.get_trials(deepcopy=False):
        if "LookupError" in (reason := trial.user_attrs.get(REASON, "")):  # which the loop of a search takes for a failed trial
            raise LookupError(reason)
    rows = list(seen.values())
    return [found.volume(rows[:budget]) / found.best for budget in budgets]


def _looked_up(trial: optuna.Trial, steps: Steps, found: Table, seen: dict[str, Row]) -> Sequence[float]:
    """As a search judges a point, without building it.  What could not be built counts as refused: a search sees that beforehand."""
    row = found.at(steps)
    if row.refused or row.values is None:
        trial.set_user_attr(REFUSED, True)
        raise EdgeError("refused before it was built")
    if key_of(steps) in seen:
        trial.set_user_attr(SAME_AS, True)
    seen[key_of(steps)] = row
    trial.set_user_attr(CONSTRAINTS, list(row.missed))
    return row.values


def _objectives() -> list[Objective]:
    return objectives_of(list(OBJECTIVES), read_thresholds(Path("thresholds.yaml")), load_profile("reference"))


def table(found: Sequence[Sampled]) -> str:
    rows = []
    for one in found:
        bounds = sample_mean(one.shares, CONFIDENCE)
        rows.append([one.sampler, str(one.trials), f"{100 * np.mean(one.shares):.1f} [{100 * bounds.lower:.1f}, {100 * bounds.upper:.1f}]",
                     *(("–", "–") if one.sampler == RANDOM else (f"{one.won} of {len(one.shares)}", f"{one.p:.2g}"))])
    return markdown(["sampler", "trials", "% of the hypervolume", "seeds better than random", "p"], rows, (1, 2, 3, 4))
