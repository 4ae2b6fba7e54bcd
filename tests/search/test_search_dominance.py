"""Domination with noise: bytes are exact, memory is apart or not, and accuracy is paired."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.search.dominance import Served, compare
from tests.search.drawing import thresholds

LOSS = thresholds().claim("compression.accuracy_loss")
N = 1500
HALF = Served("half", 1000, [70.0, 70.4, 70.2], [1] * 1380 + [0] * 120)


def served(size: int = 1000, memory: float = 0.0, lost: int = 0, won: int = 0) -> Served:
    """HALF with other bytes, memory moved, ``lost`` more queries wrong and ``won`` more right."""
    right = [0] * lost + [1] * (1380 - lost + won) + [0] * (120 - won)
    return Served("it", size, [value + memory for value in HALF.peak_rss], right)


@pytest.mark.parametrize(("it", "bytes_", "memory", "loss", "dominates"), [
    (served(), "equal", "equal", "equal", False),
    (served(size=999), "better", "equal", "equal", True),
    (served(size=999, memory=0.3), "better", "equal", "equal", True),
    (served(size=999, memory=1.2), "better", "worse", "equal", False),
    (served(memory=-1.0), "equal", "equal", "equal", False),
    (served(memory=-1.2), "equal", "better", "equal", True),
    (served(size=1001, memory=-5, won=60), "worse", "better", "better", False),
    (HALF._replace(peak_rss=[70.0, 70.2, 75.0]), "equal", "equal", "equal", False),
    (HALF._replace(peak_rss=[65.0, 70.2, 70.0]), "equal", "equal", "equal", False),
    (served(size=500, lost=60), "better", "equal", "worse", False),
    (served(size=500, lost=15), "better", "equal", "worse", False),
    (served(size=500, lost=14, won=14), "better", "equal", "equal", True),
    (served(won=30), "equal", "equal", "better", True),
], ids=str)
def test_each_figure_by_its_own_rule(it: Served, bytes_: str, memory: str, loss: str, dominates: bool) -> None:
    found = compare(it, HALF, LOSS)
    assert (found.other, found.bytes, found.memory, found.loss, found.dominates) == ("half", bytes_, memory, loss, dominates)


SOME = st.builds(served, st.integers(998, 1002), st.sampled_from([-1.0, -0.2, 0.0, 0.2, 1.0]), st.integers(0, 30), st.integers(0, 30))


@settings(deadline=None)
@given(one=SOME, other=SOME)
def test_two_do_not_dominate_one_another(one: Served, other: Served) -> None:
    assert not (compare(one, other, LOSS).dominates and compare(other, one, LOSS).dominates) and not compare(one, one, LOSS).dominates


def test_few_queries_show_nothing() -> None:
    """Without a loss seen, 50 queries leave room for more than a point: not shown to be no worse."""
    few = [Served(name, size, [70.0], [1] * 50) for name, size in (("it", 1), ("other", 2))]
    assert compare(*few, LOSS).loss == "worse"
