"""Every sampler draws from a conditional space with constraints, alike for a seed, and shares what it learns by the study alone."""

from __future__ import annotations

import pytest

from pipeline.errors import EdgeError
from pipeline.search.ranking import judged
from pipeline.search.samplers import CONSTRAINTS, constraints, draws_whole, make_sampler, sampler_names
from tests.search.drawing import conditional, objectives, study, whole

LEARNING = ("evolution", "nsga2", "nsga3", "tpe")


def drawn(name: str, seed: int, trials: int, **settings: object) -> list:
    made = study(sampler=make_sampler(name, seed, objectives(), settings))
    made.optimize(whole if draws_whole(name) else conditional, n_trials=trials)
    return made.trials


def good(trials: list) -> int:
    """How many of the later half are feasible and on the right way."""
    return sum(trial.params["way"] == "b" and constraints(trial)[0] <= 0 for trial in trials[len(trials) // 2:])


def test_the_documented_samplers_are_there() -> None:
    assert {"random", "tpe", "nsga2", "nsga3", "evolution"} <= set(sampler_names())


@pytest.mark.parametrize("name", sorted({"random", *LEARNING}))
def test_a_seed_draws_the_same(name: str) -> None:
    first, again, other = (drawn(name, seed, 25) for seed in (5, 5, 6))
    assert [trial.params for trial in first] == [trial.params for trial in again] != [trial.params for trial in other]
    assert {trial.params["way"] for trial in first} == {"a", "b", "c"}


@pytest.mark.parametrize("name", LEARNING)
def test_it_learns_the_way_and_the_constraint(name: str) -> None:
    settings = {"population": 10} if name.startswith("nsga") else {}
    assert good(drawn(name, 1, 100, **settings)) > 1.5 * good(drawn("random", 1, 100))


def test_evolution_goes_on_from_the_trials_of_others() -> None:
    """It keeps nothing but the study: a second worker's parents are trials that it did not draw."""
    made = study(sampler=make_sampler("random", 1, objectives(), {}))
    made.optimize(conditional, n_trials=40)
    made.sampler = make_sampler("evolution", 2, objectives(), {"mutations": 0.01})
    made.optimize(conditional, n_trials=10)
    parents = [trial.params for trial in made.trials[20:]]
    assert all(trial.params in parents[:index + 20] for index, trial in enumerate(made.trials[40:]))


def test_a_constraint_is_told_by_the_trial() -> None:
    trial = study().ask()
    trial.set_user_attr(CONSTRAINTS, [0.5, -1.0])
    assert constraints(trial) == (0.5, -1.0) and judged([1.0], ["minimize"], constraints(trial)).missed == 0.5


@pytest.mark.parametrize(("name", "settings", "says"), [
    ("annealing", {}, r"sampler 'annealing': expected one of .*evolution, nsga2"),
    ("../samplers/random", {}, "sampler '../samplers/random': expected one of"),
    ("__init__", {}, "sampler '__init__': expected one of"),
    ("nsga2", {"populaton": 3}, "sampler nsga2: expected settings of population, found populaton"),
    ("random", {"seed": 3}, "sampler random: expected settings of none, found seed"),
    ("nsga2", {"population": 0}, "sampler nsga2: expected settings that it takes, found {'population': 0}: "),
    ("evolution", {"tournament": "many"}, "sampler evolution: expected settings that it takes"),
])
def test_what_it_does_not_take(name: str, settings: dict, says: str) -> None:
    with pytest.raises(EdgeError, match=says):
        make_sampler(name, 1, objectives(), settings)
