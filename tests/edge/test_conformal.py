"""Conformal risk control: its laws, and its promise seen to hold by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.edge.conformal import STEPS, choose_threshold, risk_controlling_threshold
from pipeline.errors import EdgeError
from pipeline.profile import PROFILES, load_profile
from pipeline.verdict.thresholds import read_thresholds

ALPHA = 0.1
scores = st.lists(st.floats(-1, 0.999), min_size=20, max_size=80)
alphas = st.floats(0.05, 0.95)


def risk(values: list[float], threshold: float) -> float:
    return float(np.mean(np.array(values) >= threshold))


@settings(deadline=None)
@given(scores, alphas)
@example([0.0] * 19 + [0.0003], 0.0625)  # 0.0003 * STEPS is a little less than 3 in floating point
def test_it_is_the_smallest_threshold_that_controls_the_risk(values: list[float], alpha: float) -> None:
    threshold, n = risk_controlling_threshold(values, alpha), len(values)
    assert 0 <= threshold <= 1
    assert (n * risk(values, threshold) + 1) / (n + 1) <= alpha + 1e-9 and threshold * STEPS == pytest.approx(round(threshold * STEPS))
    if threshold:
        assert (n * risk(values, round(threshold * STEPS - 1) / STEPS) + 1) / (n + 1) > alpha


@settings(deadline=None)
@given(scores, alphas, alphas)
def test_a_smaller_alpha_never_lowers_the_threshold(values: list[float], one: float, other: float) -> None:
    strict, loose = sorted((one, other))
    assert risk_controlling_threshold(values, strict) >= risk_controlling_threshold(values, loose)


@pytest.mark.parametrize("n", [9, 10, 49, 100])
def test_the_promise_holds_on_average_over_exchangeable_draws(n: int) -> None:
    """Scores uniform in [-1, 1], so a further query stays with probability (1 - t) / 2; the mean over 4,000 draws of it.

    For continuous scores the mean is floor(alpha (n + 1)) / (n + 1) exactly; without the term + B it would be above alpha.
    """
    rng = np.random.default_rng(n)
    misses = [(1 - risk_controlling_threshold(rng.uniform(-1, 1, n), ALPHA)) / 2 for _ in range(4000)]
    error = 4 * np.std(misses) / np.sqrt(len(misses))
    exact = np.floor(ALPHA * (n + 1) + 1e-9) / (n + 1)
    assert exact <= ALPHA + 1e-9
    assert abs(np.mean(misses) - exact) < error


@pytest.mark.parametrize(("n", "alpha", "needed"), [(8, 0.1, 9), (0, 0.1, 9), (18, 0.05, 19), (98, 0.01, 99)])
def test_too_few_queries_for_alpha_is_one_line_that_says_how_many(n: int, alpha: float, needed: int) -> None:
    with pytest.raises(EdgeError, match=f"expected at least {needed} validation queries .*found {n};") as caught:
        risk_controlling_threshold([0.5] * n, alpha)
    assert "\n" not in str(caught.value)
    assert risk_controlling_threshold([0.5] * needed, alpha) > 0.5


def test_a_model_that_is_certain_of_its_mistakes_is_refused() -> None:
    with pytest.raises(EdgeError, match="expected at most 1 of 20 .* to stay with confidence 1"):
        risk_controlling_threshold([1.0] * 2 + [-0.9] * 18, ALPHA)
    assert risk_controlling_threshold([1.0] + [-0.9] * 19, ALPHA) == 0


@pytest.mark.parametrize(("values", "alpha"), [([float("nan")] * 20, 0.1), ([0.5] * 20, 0.0), ([0.5] * 20, 1.0), ([0.5] * 20, -1.0)])
def test_what_is_no_score_or_alpha_is_refused(values: list[float], alpha: float) -> None:
    with pytest.raises(EdgeError, match="expected finite scores and an alpha between 0 and 1"):
        risk_controlling_threshold(values, alpha)


def test_a_model_without_a_mistake_still_has_the_least_threshold() -> None:
    chosen = choose_threshold([-0.9] * 49, ALPHA, 0.6)
    assert (chosen.controlling, chosen.confidence_threshold, chosen.n, chosen.miss_rate) == (0, 0.6, 49, 0)


def test_a_worse_model_is_held_to_what_controls_it() -> None:
    chosen = choose_threshold([0.95] * 4 + [0.8] * 5 + [-0.9] * 40, ALPHA, 0.6)
    assert chosen.controlling == chosen.confidence_threshold == 0.8001
    assert chosen.miss_rate == 4 / 49


def test_a_given_threshold_is_taken_as_it_is() -> None:
    chosen = choose_threshold([0.95] * 3, ALPHA, 0.6, 0.5)
    assert (chosen.controlling, chosen.confidence_threshold, chosen.miss_rate) == (None, 0.5, 1)
    assert choose_threshold([], ALPHA, 0.6, 0.5).miss_rate is None


@pytest.mark.parametrize("name", ["reference", "qwen3-0.6b", "qwen3-0.6b-shape"])
def test_the_profiles_state_the_alpha_that_the_claim_does(name: str) -> None:
    profile = load_profile(name, "some/model" if name == "qwen3-0.6b" else "")
    assert profile.decision.alpha == read_thresholds(PROFILES.parent / "thresholds.yaml").claim("routing.cloud_kept").target
    assert (profile.decision.confidence_threshold is None) is ("behaviour" in profile.tells)  # six queries control no risk
