"""Phase 16: weights in 8 and 4 bits keep the answers, are small, are made soon, survive Parquet and say who made them."""

import pytest

from fixtures.check import not_measured
from fixtures.quantised import METHODS
from pipeline.measure.agreement import agreement
from pipeline.measure.loss import paired_accuracy
from pipeline.measure.quantised import matrices_share, quantisation_time, untold
from pipeline.measure.weight_round_trip import round_trip


@pytest.fixture
def behaving(profile, request):
    """At full scale 28 layers of random weights would be decided with for an hour, and nothing be judged by it."""
    if "behaviour" not in profile.tells:
        not_measured(request.node, f"what is answered is shown on a profile that tells about behaviour, not on {profile.name}")


@pytest.fixture
def decided(behaving, request):
    """The original's decisions, and those of a quantised model by its name; asked for here, for a session's fixtures come first."""
    return request.getfixturevalue("torch_decisions"), request.getfixturevalue("quantised_decisions")


@pytest.mark.claim("weights.fp8_agreement")
def test_fp8_answers_as_the_original(check, decided):
    original, quantised = decided
    check(agreement(original, quantised("fp8")))


@pytest.mark.claim("weights.int4_agreement")
def test_int4_answers_as_the_original(check, decided):
    original, quantised = decided
    check(agreement(original, quantised("int4")))


def test_what_is_lost_beside_the_targets(check, decided, challenge):
    original, quantised = decided
    for name, title in {"fp8": "FP8", "int4": "INT4"}.items():
        lost = paired_accuracy(original, quantised(name), challenge)
        check.observe(f"weights.{name}_loss", f"accuracy that {title} weights lose", f"{title} 权重的准确率损失",
                      "16 quantisation of weights", lost)


@pytest.mark.claim("weights.fp8_size")
def test_fp8_is_small(check, merged, quantised):
    check(matrices_share(merged, quantised("fp8")))


@pytest.mark.claim("weights.int4_size")
def test_int4_is_small(check, merged, quantised):
    check(matrices_share(merged, quantised("int4")))


@pytest.mark.claim("weights.time")
def test_quantising_is_quick(check, quantised):
    check(quantisation_time({name: quantised(name) for name in ("fp8", "int4")}))


@pytest.mark.claim("weights.parquet")
def test_parquet_keeps_every_bit(check, merged, quantised):
    check(round_trip(merged, quantised("int4")))


@pytest.mark.claim("weights.fallback")
def test_a_fall_back_is_told(check, behaving, quantised):
    check(untold({"fallback": quantised("fallback")}, {"fallback": METHODS["fallback"][0]}))
