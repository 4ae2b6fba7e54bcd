"""Halving: what goes on, and what a rung costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.compress.recipe import RecipeFile
from pipeline.errors import EdgeError
from pipeline.search.halving import Rungs, goes_on, heals
from pipeline.search.ranking import Judged, dominates, dominators, judged

POINTS = st.builds(Judged, st.tuples(st.integers(0, 5).map(float), st.integers(0, 5).map(float)), st.sampled_from([0.0, 0.0, 1.0, 2.0]))
RECIPE = RecipeFile(name="x", says="x", steps=[{"depth": {"keep": 0.3}}, {"distil": {"epochs": 4.0}}, {"int8": None}])


@given(one=POINTS, other=POINTS, third=POINTS)
def test_domination_is_a_strict_order(one: Judged, other: Judged, third: Judged) -> None:
    assert not dominates(one, one) and not (dominates(one, other) and dominates(other, one))
    assert not (dominates(one, other) and dominates(other, third)) or dominates(one, third)


@given(one=POINTS, other=POINTS)
def test_what_misses_nothing_beats_what_misses_something(one: Judged, other: Judged) -> None:
    if not one.missed and other.missed:
        assert dominates(one, other)


def test_a_gain_counts_in_its_own_direction() -> None:
    high, low = (judged([value], ["maximize"], [-0.1]) for value in (0.9, 0.8))
    assert dominates(high, low) and high.missed == 0


@given(seen=st.lists(POINTS, max_size=30), one=POINTS)
def test_the_front_goes_on_and_about_a_share_of_the_rest(seen: list[Judged], one: Judged) -> None:
    if not dominators(one, seen):
        assert goes_on(one, seen, 4)
    worst = Judged((9.0, 9.0), 9.0)
    assert goes_on(worst, seen, 4) == (len(seen) < (len(seen) + 1) / 4)


def test_of_many_a_quarter_goes_on() -> None:
    line = [Judged((float(at), float(at)), 0.0) for at in range(40)]
    went = sum(goes_on(one, [other for other in line if other != one], 4) for one in line)
    assert went == 10


def test_a_rung_is_cheaper_and_the_last_is_whole() -> None:
    rungs = Rungs(2, 4, 600)
    first, last = (rungs.recipe_at(rung, RECIPE) for rung in (0, 1))
    assert last == RECIPE and rungs.queries_at(1) == 600 and rungs.queries_at(0) == 150
    assert first.steps[0] == RECIPE.steps[0] and first.steps[1] == {"distil": {"epochs": 1.0, "transfer": 750}}


def test_what_has_no_epochs_is_built_whole() -> None:
    """Pruned little by little, in steps of its own: there is nothing that a rung could lower."""
    gradual = RecipeFile(name="x", says="x", steps=[{"progressive": {"steps": 40}}, {"int8": {}}])
    assert Rungs(2, 4, 600).recipe_at(0, gradual) == gradual
    assert [heals(name) for name in ("progressive", "qat", "int8")] == [False, True, False]


@given(count=st.integers(1, 4), reduction=st.integers(2, 5), queries=st.integers(1, 2000))
def test_no_rung_asks_for_more_than_the_last(count: int, reduction: int, queries: int) -> None:
    rungs = Rungs(count, reduction, queries)
    asked = [rungs.queries_at(rung) for rung in range(count)]
    assert asked == sorted(asked) and asked[-1] == queries


@pytest.mark.parametrize(("count", "reduction", "queries", "says"), [
    (0, 4, 600, "--rungs: expected at least 1, found 0"), (2, 1, 600, "--reduction: expected at least 2, found 1"),
    (2, 4, 0, "--queries: expected at least 1, found 0")])
def test_no_rung_at_all(count: int, reduction: int, queries: int, says: str) -> None:
    with pytest.raises(EdgeError, match=says):
        Rungs(count, reduction, queries)
