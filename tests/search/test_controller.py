"""The learned controller: it learns what pays, in conditional spaces and for several objectives, and draws the same for a seed."""

from __future__ import annotations

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from pipeline.errors import EdgeError
from pipeline.search.samplers import CONSTRAINTS, make_sampler
from pipeline.search.samplers.controller import BINS, choice_of, count_of, preference, value_of
from pipeline.search.work import REFUSED

optuna.logging.set_verbosity(optuna.logging.ERROR)


def study(seed=1, directions=("minimize",), storage=None, name=None):
    return optuna.create_study(directions=directions, sampler=make_sampler("controller", seed, [], {}), storage=storage, study_name=name,
                               load_if_exists=True)


def conditional(trial):
    """Best: way b with x = 7; x is only there in way b."""
    way = trial.suggest_categorical("way", ["a", "b", "c"])
    return {"a": 5.0, "c": 8.0}[way] if way != "b" else abs(trial.suggest_int("x", 0, 9) - 7) / 2


def late(study, count=40):
    return study.trials[-count:]


def test_it_learns_what_pays_in_a_conditional_space():
    found = study()
    found.optimize(conditional, n_trials=160)
    drawn = late(found)
    assert sum(trial.params["way"] == "b" for trial in drawn) > 28  # a third of 40 by chance
    assert sum(abs(trial.params.get("x", -9) - 7) <= 1 for trial in drawn) > 20  # a tenth of 40 by chance
    assert all(("x" in trial.params) == (trial.params["way"] == "b") for trial in found.trials)


def test_larger_is_better_where_it_is_said():
    found = study(directions=["maximize"])
    found.optimize(lambda trial: -conditional(trial), n_trials=120)
    assert sum(trial.params["way"] == "b" for trial in late(found)) > 28


def test_one_policy_covers_both_ends_of_a_front():
    """Each objective wants another choice: both are drawn to the end, by the preference of each trial."""
    def judge(trial):
        way = trial.suggest_categorical("way", ["small", "exact", "bad", "worse"])
        return {"small": (0.0, 1.0), "exact": (1.0, 0.0), "bad": (1.5, 1.5), "worse": (2.0, 2.0)}[way]

    drawn = []
    for seed in range(1, 6):
        found = study(seed, ["minimize", "minimize"])
        found.optimize(judge, n_trials=120)
        drawn += [(preference(trial.number, 2)[0], trial.params["way"]) for trial in late(found)]
    for first, best in ((True, "small"), (False, "exact")):
        wanted = [way for weight, way in drawn if (weight > 0.75 if first else weight < 0.25)]
        assert wanted.count(best) > 0.5 * len(wanted) > 20, (best, wanted)  # a quarter by chance
    assert sum(way in ("bad", "worse") for _, way in drawn) < 0.15 * len(drawn)


@pytest.mark.parametrize("how", ["constraint", "refused"])
def test_what_is_of_no_use_is_drawn_less(how):
    """The best value breaks a constraint, or its point is refused."""
    found = study()

    def judge(trial):
        way = trial.suggest_categorical("way", ["forbidden", "allowed"])
        if how == "refused" and way == "forbidden":
            trial.set_user_attr(REFUSED, True)
            raise EdgeError("too large")
        trial.set_user_attr(CONSTRAINTS, [1.0 if way == "forbidden" else -1.0])
        return 0.0 if way == "forbidden" else trial.number / 1000

    found.optimize(judge, n_trials=100, catch=(EdgeError,))
    assert sum(trial.params["way"] == "forbidden" for trial in late(found)) < 10


def test_the_same_for_a_seed_and_another_for_another():
    one, again, other = (study(seed) for seed in (3, 3, 4))
    for found in (one, again, other):
        found.optimize(conditional, n_trials=30)
    drawn = [[trial.params for trial in found.trials] for found in (one, again, other)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_worker_that_joins_knows_what_the_others_found():
    """Stopped and gone on with by another sampler of the same seed, a study draws as if it had never stopped."""
    whole, storage = study(5), optuna.storages.InMemoryStorage()
    whole.optimize(conditional, n_trials=40)
    for _ in range(2):
        joined = study(5, storage=storage, name="shared")
        joined.optimize(conditional, n_trials=20)
    assert [trial.params for trial in joined.trials] == [trial.params for trial in whole.trials]


ENDS = st.integers(-50, 50)
DISTRIBUTIONS = st.one_of(
    st.builds(lambda low, steps, step: IntDistribution(low, low + steps * step, step=step), ENDS, st.integers(0, 30), st.integers(1, 9)),
    st.builds(lambda low, width: IntDistribution(low, low + width, log=True), st.integers(1, 50), st.integers(0, 900)),
    st.builds(lambda low, steps: FloatDistribution(low / 8, (low + steps) / 8, step=0.125), ENDS, st.integers(0, 30)),
    st.builds(lambda low, width, log: FloatDistribution(low, low + width, log=log), st.floats(0.01, 5), st.floats(0.1, 9), st.booleans()),
    st.builds(CategoricalDistribution, st.lists(st.sampled_from([True, 0.5, "a", "b", None, 9]), min_size=1, unique=True)))


@settings(deadline=None)
@given(DISTRIBUTIONS, st.data())
def test_every_choice_is_a_value_that_the_parameter_may_have(distribution, data):
    choice = data.draw(st.integers(0, count_of(distribution) - 1))
    value = value_of(choice, distribution, data.draw(st.floats(0, 1, exclude_max=True)))
    assert distribution._contains(distribution.to_internal_repr(value))
    log = getattr(distribution, "log", False)
    steps = (distribution.high - distribution.low) / distribution.step if getattr(distribution, "step", None) else 0
    if isinstance(distribution, CategoricalDistribution) or not log and steps and steps < BINS:
        assert choice_of(value, distribution) == choice


@settings(deadline=None)
@given(st.floats(0.01, 5), st.floats(0.1, 9), st.booleans(), st.data())
def test_a_value_belongs_to_the_choice_that_draws_it(low, width, log, data):
    distribution = FloatDistribution(low, low + width, log=log)
    choice, at = data.draw(st.integers(0, BINS - 1)), data.draw(st.floats(0.01, 0.99))
    assert choice_of(value_of(choice, distribution, at), distribution) == choice
