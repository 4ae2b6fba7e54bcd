"""The front, the hypervolume and the knee, held against their definitions."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.errors import EdgeError
from pipeline.search.front import MAXIMIZE, MINIMIZE, Point, pareto
from pipeline.search.hypervolume import hypervolume, volume
from pipeline.search.knee import Axis, knee

NAMES = ("a", "b", "c")
GRID = st.integers(0, 6).map(float)  # few values, so that ties are many


def directions(count: int) -> dict[str, str]:
    return dict.fromkeys(NAMES[:count], MINIMIZE)


def made(rows, feasible=True, key=False) -> list[Point]:
    return [Point(trial=at, recipe="", values=dict(zip(NAMES, row, strict=False)), feasible=feasible, key=str(at) if key else "")
            for at, row in enumerate(rows)]


def clouds(count: int, values=GRID, least: int = 0):
    return st.lists(st.lists(values, min_size=count, max_size=count), min_size=least, max_size=12)


COUNTED = st.sampled_from([1, 2, 3]).flatmap(clouds)


@settings(deadline=None)
@given(COUNTED)
def test_the_front_by_definition(rows):
    points = made(rows)
    names = directions(len(rows[0]) if rows else 2)
    front = pareto(points, names)

    def beats(one, other):
        pairs = [(one.values[name], other.values[name]) for name in names]
        return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)

    assert {point.trial for point in front} == {p.trial for p in points if not any(beats(other, p) for other in points)}
    assert [list(point.values.values()) for point in front] == sorted(list(point.values.values()) for point in front)


def test_ties_stay_but_one_artifact_stands_once():
    equal = [Point(trial=at, recipe="", values={"a": 1, "b": 1}, key=key) for at, key in enumerate(["x", "y", "x"])]
    assert [point.trial for point in pareto(equal, directions(2))] == [0, 1]


def test_what_is_infeasible_is_not_on_the_front_and_beats_nothing():
    best, other = made([[0, 0], [1, 1]])
    assert pareto([best.model_copy(update={"feasible": False}), other], directions(2)) == [other]
    assert pareto([best.model_copy(update={"feasible": False})], directions(2)) == []
    assert hypervolume([best.model_copy(update={"feasible": False})], {"a": 2, "b": 2}, directions(2)) == 0


def test_larger_is_better_where_it_is_said():
    points = made([[1, 5], [2, 9], [3, 7]])
    assert [point.trial for point in pareto(points, {"a": MINIMIZE, "b": MAXIMIZE})] == [0, 1]
    assert hypervolume(points, {"a": 3, "b": 0}, {"a": MINIMIZE, "b": MAXIMIZE}) == pytest.approx(2 * 5 + 1 * 4)


@settings(deadline=None)
@given(st.sampled_from([2, 3]).flatmap(lambda count: clouds(count, st.floats(0, 1))), st.randoms(use_true_random=False))
def test_hypervolume_laws(rows, rng):
    """No point takes any away, a dominated one adds none, order is nothing, and it scales with each unit."""
    assume(rows)
    costs, corner = np.array(rows), np.ones(len(rows[0]))
    whole = volume(costs, corner)
    assert 0 <= whole <= 1 and volume(costs[:-1], corner) <= whole + 1e-12
    assert volume(np.vstack([costs, np.minimum(costs[0] + 0.1, 1)]), corner) == pytest.approx(whole, abs=1e-12)
    shuffled = rng.sample(rows, len(rows))
    turned = rng.sample(range(len(corner)), len(corner))
    assert volume(np.array(shuffled)[:, turned], corner) == pytest.approx(whole, abs=1e-12)
    factor = np.arange(2, 2 + len(corner))
    assert volume(costs * factor, corner * factor) == pytest.approx(whole * factor.prod(), abs=1e-9)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_hypervolume_beside_monte_carlo_and_optuna(count):
    """Another way to compute the same: a share of random darts, and Optuna's own, which is not public."""
    rng = np.random.default_rng(count)
    costs, corner = rng.random((15, count)) * 1.2, np.ones(count)
    darts = rng.random((40_000, count))
    share = (costs[None] <= darts[:, None]).all(2).any(1).mean()
    found = volume(costs, corner)
    assert found == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / len(darts)) + 1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from optuna._hypervolume import compute_hypervolume
    inside = costs[(costs < 1).all(1)]
    assert found == pytest.approx(compute_hypervolume(inside, corner), rel=1e-9)


def test_a_point_beyond_the_reference_adds_nothing():
    points, reference = made([[0.5, 0.5], [0.1, 1.5], [1.0, 0.0]]), {"a": 1.0, "b": 1.0}
    assert hypervolume(points, reference, directions(2)) == 0.25
    with pytest.raises(EdgeError, match="hypervolume: expected a reference value of b, found none; name one"):
        hypervolume(points, {"a": 1.0}, directions(2))


def axes(*units: str) -> list[Axis]:
    names = ("loss", "size", "memory")[:len(units)]
    return [Axis(name=f"claim.{name}", unit=unit, direction="minimize") for name, unit in zip(names, units, strict=True)]


def on(front, *units):
    found = axes(*units)
    return [Point(trial=at, recipe="", values={one.name: value for one, value in zip(found, row, strict=True)})
            for at, row in enumerate(front)], found


def test_the_knee_is_where_the_line_is_farthest():
    front, names = on([[0.0, 10.0], [0.001, 4.0], [0.004, 3.0], [0.02, 1.0]], "points", "MB")
    point, reason = knee(front, names)
    assert point.trial == 1
    assert reason == ("trial 1: loss 0.1 points and size 4.0 MB; of the 4 on the front it lies farthest below the plane through the "
                      "extremes (0.44, objectives scaled to 1): the best in loss (trial 0) wins 0.1 points and loses 6.0 MB in size; "
                      "the best in size (trial 3) wins 3.0 MB and loses 1.9 points in loss")


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=12), st.floats(0.1, 100), st.floats(-5, 5))
def test_the_knee_does_not_hang_on_units(rows, factor, shift):
    """Whatever the first objective is counted in, the chosen one has the least sum of the objectives, scaled by the front."""
    assume(all(abs(a - b) > 1e-3 or a == b for one in zip(*rows, strict=True) for a in one for b in one))
    front = pareto(made([[factor * a + shift, b] for a, b in rows]), directions(2))
    chosen, _ = knee(front, [Axis(name=name, unit="count", direction="minimize") for name in NAMES[:2]])
    costs = np.array([rows[point.trial] for point in front])
    sums = ((costs - costs.min(0)) / np.where(np.ptp(costs, axis=0) > 0, np.ptp(costs, axis=0), 1)).sum(1)
    assert sums[front.index(chosen)] == pytest.approx(sums.min(), abs=1e-6)


def test_a_front_without_a_knee_says_so():
    front, names = on([[0.0, 2.0], [1.0, 1.0], [2.0, 0.0]], "points", "MB")
    point, reason = knee(front, names)
    assert point.trial == 0 and "none lies below the plane through the extremes: there is no knee, and this is the first" in reason
    assert knee(front[1:2], names)[1] == "trial 1: loss 100 points and size 1.0 MB; it is the only trial on the front"
    with pytest.raises(EdgeError, match="knee: expected a front of at least one feasible trial, found none"):
        knee([], names)


def test_three_objectives_of_which_one_is_the_same_everywhere():
    """It is no way on, and the distance is that of the other two."""
    front, names = on([[0.0, 10.0, 5.0], [0.001, 2.0, 5.0], [0.02, 1.0, 5.0]], "points", "MB", "MB")
    point, reason = knee(front, names)
    assert point.trial == 1 and "(0.59, objectives scaled to 1)" in reason and "memory (" not in reason


def test_three_objectives_of_which_one_is_to_be_large():
    """Trials 0 and 1 lose nothing; the one with more memory to show for it stands for the best in loss, and its gain there is no loss."""
    front, names = on([[0.0, 2.0, 50.0], [0.0, 3.0, 80.0], [0.01, 1.5, 78.0], [0.05, 1.0, 80.0], [0.05, 6.0, 90.0]], "points", "MB", "MB")
    names[2] = names[2].model_copy(update={"direction": MAXIMIZE})
    assert knee(front, names)[1] == (
        "trial 2: loss 1.0 points, size 1.5 MB and memory 78.0 MB; of the 5 on the front it lies farthest below the plane through the "
        "extremes (0.23, objectives scaled to 1): the best in loss (trial 1) wins 1.0 points and loses 1.5 MB in size; the best in size "
        "(trial 3) wins 0.50 MB and loses 4.0 points in loss; the best in memory (trial 4) wins 12.0 MB and loses 4.0 points in loss and "
        "4.5 MB in size")


def test_rounding_does_not_choose_among_equals():
    """Three on one line; as floats the middle one lies a hair below it."""
    front, names = on([[at / 10, (11 - at) / 10] for at in range(3)], "points", "MB")
    assert knee(front, names)[0].trial == 0


@pytest.mark.parametrize(("values", "said"), [({"a": 1}, "trial 0: expected a value of b, found none; measure the trial again")])
def test_a_missing_value_is_one_line(values, said):
    with pytest.raises(EdgeError, match=said):
        pareto([Point(trial=0, recipe="", values=values)], directions(2))


def test_a_direction_that_is_none():
    with pytest.raises(EdgeError, match="a: expected the direction minimize or maximize, found 'up'; mend the objective"):
        pareto(made([[1, 2]]), {"a": "up", "b": MINIMIZE})
