"""Objectives are claims of thresholds.yaml: no number of them stands anywhere else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import EdgeError
from pipeline.measure.measurement import Exact, Paired, Sample
from pipeline.profile import load_profile
from pipeline.search.meters import METERS
from pipeline.search.objectives import DEFAULT, Objective, default_objectives, objectives_of
from tests.search.drawing import objectives, thresholds

REFERENCE, SHAPE = load_profile("reference"), load_profile("qwen3-0.6b-shape")


@pytest.mark.parametrize("profile", [REFERENCE, SHAPE], ids=lambda profile: profile.name)
def test_the_defaults_of_a_profile_can_be_measured_on_it(profile) -> None:
    assert len(objectives_of(default_objectives(profile), thresholds(), profile)) == 3


def test_each_default_is_a_claim() -> None:
    claims = thresholds().claims
    assert all(claims[name].metric in METERS for names in DEFAULT.values() for name in names)


def test_direction_and_target_come_from_the_claim() -> None:
    accuracy, size = objectives("accuracy.int8", "compression.size")
    claim = thresholds().claim("compression.size")
    assert (accuracy.direction, size.direction) == ("maximize", "minimize")
    assert (size.name, size.unit, size.target) == ("compression.size", claim.unit, claim.target)


@settings(deadline=None)
@given(value=st.floats(0, 2))
def test_a_claim_is_missed_by_its_distance_from_the_target(value: float) -> None:
    found, missed = objectives("compression.size")[0].judged(Exact(metric="size_share", unit="proportion", value=value))
    assert found == value and missed == pytest.approx(value - 0.5) and (missed < 0) == (value < 0.5)


@settings(deadline=None)
@given(lost=st.integers(0, 40), won=st.integers(0, 40))
def test_a_loss_is_missed_by_its_bound_and_by_its_value_where_queries_are_few(lost: int, won: int) -> None:
    """The bound lies above the value, so a claim met by it is met by the value too."""
    same = 300 - lost - won
    paired = Paired(metric="accuracy_loss", unit="points", reference=[1] * (same + lost) + [0] * won,
                    candidate=[1] * same + [0] * lost + [1] * won)
    objective = objectives("compression.accuracy_loss")[0]
    (value, by_bound), (_, by_value) = objective.judged(paired), objective.judged(paired, bound=False)
    assert value == pytest.approx((lost - won) / 300) and by_value == pytest.approx(value - objective.target)
    assert by_bound > by_value


def test_broken_conditions_do_not_hide_a_trial() -> None:
    """A search on a busy machine goes on; its confirmation would say `invalid`."""
    sample = Sample(metric="peak_rss", unit="MB", values=[120.0], invalid="another process at work")
    assert objectives("edge_200mb.memory")[0].judged(sample) == (120.0, -80.0)


@pytest.mark.parametrize(("names", "profile", "says"), [
    (["compression.sise"], REFERENCE, "expected an entry of thresholds.yaml, found none; did you mean compression.size?"),
    (["data.valid"], REFERENCE, "which a trial measures, found data_findings; name another claim"),
    (["compression.size"] * 2, REFERENCE, "claim compression.size: expected once, found twice; name each once"),
    (["compression.accuracy_loss"], SHAPE, "expected a profile that tells about behaviour, found qwen3-0.6b-shape; name one about scale"),
], ids=["misspelt", "no meter", "twice", "random weights"])
def test_a_claim_that_no_trial_can_judge(names: list[str], profile, says: str) -> None:
    with pytest.raises(EdgeError, match=re.escape(says)):
        objectives_of(names, thresholds(), profile)


def test_an_objective_is_its_claim() -> None:
    assert Objective(thresholds().claim("compression.size")) == objectives("compression.size")[0]
