from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.edge.calibrate import TEMPERATURES, fit_temperature
from pipeline.errors import EdgeError
from pipeline.runtime.decision import LabelledIntent, Rule, read_rule
from tests.export.tiny_qwen3 import NAMES

LOGITS = arrays(np.float32, 6, elements=st.floats(-1e4, 1e4, width=32))
UNIT = st.floats(0, 1)
TEMPERATURE = st.floats(*TEMPERATURES)
INTENTS = tuple(LabelledIntent(name, "ABCDEF"[i], 32 + i, "local" if i < 3 else "cloud") for i, name in enumerate(NAMES))
RULE = Rule("<", ">", 64, INTENTS, 1.0, 0.6)


@given(LOGITS, TEMPERATURE)
def test_confidence_lies_between_chance_and_certainty(logits, temperature):
    assert 1 / 6 <= replace(RULE, temperature=temperature).decide("q", logits).confidence <= 1


@given(LOGITS, TEMPERATURE, TEMPERATURE)
def test_temperature_never_changes_the_intent(logits, one, other):
    first, second = (replace(RULE, temperature=t).decide("q", logits) for t in (one, other))
    assert first.intent == second.intent == NAMES[int(logits.argmax())]
    assert (one - other) * (first.confidence - second.confidence) <= 1e-9


@given(LOGITS, UNIT, UNIT)
def test_a_higher_threshold_never_brings_a_query_back_from_the_cloud(logits, one, other):
    low, high = sorted((one, other))
    routes = [replace(RULE, confidence_threshold=t).decide("q", logits).route for t in (low, high)]
    assert routes != ["cloud", "local"]


@given(LOGITS, UNIT)
def test_the_route_follows_from_intent_and_threshold(logits, threshold):
    found = replace(RULE, confidence_threshold=threshold).decide("q", logits)
    assert (found.route == "local") == (found.intent in NAMES[:3] and found.confidence >= threshold)


def test_the_documented_json():
    found = RULE.decide("今天天气怎么样", np.array([9, 0, 0, 0, 0, 0], np.float32)).to_json()
    confidence = found["expected_output"].pop("confidence")
    assert confidence == pytest.approx(1 / (1 + 5 * np.exp(-9)))
    assert found == {"query": "今天天气怎么样", "intent": "weather_query", "should_route_to_cloud": False,
                     "confidence_threshold": 0.6, "expected_output": {"intent": "weather_query", "route": "local"}}
    json.dumps(found)


@pytest.mark.parametrize("logits", [[1, 2, 3], [1, 2, 3, 4, 5, np.nan], [1, 2, 3, 4, 5, np.inf]])
def test_logits_that_decide_nothing_are_refused(logits):
    with pytest.raises(EdgeError, match="expected 6 finite logits"):
        RULE.decide("q", np.array(logits, np.float32))


def test_a_written_rule_is_read_back(tmp_path):
    (tmp_path / "decision.json").write_text(json.dumps(RULE.to_json()))
    assert read_rule(tmp_path) == RULE


def changed(**fields: object) -> str:
    return json.dumps({**RULE.to_json(), **fields})


@pytest.mark.parametrize("content", [
    "", "null", "[]", "{}", "{\"version\": 1", "\x00\x01", changed(version=2), changed(intents=3), changed(intents=[3]),
    changed(intents=[]), changed(intents=RULE.to_json()["intents"] + RULE.to_json()["intents"][:1]),
    changed(intents=[{**vars(INTENTS[0]), "route": "moon"}, vars(INTENTS[1])]),
    changed(intents=[{**vars(INTENTS[0]), "label_id": "32"}, vars(INTENTS[1])]), changed(temperature=0),
    changed(temperature="1"), changed(temperature=float("nan")), changed(confidence_threshold=1.5), changed(max_length=0),
    changed(max_length=True), changed(prefix=None)])
def test_garbage_is_one_line_that_names_the_file(tmp_path, content):
    (tmp_path / "decision.json").write_text(content)
    with pytest.raises(EdgeError, match="decision.json: expected") as caught:
        read_rule(tmp_path)
    assert "\n" not in str(caught.value)


def test_overconfident_logits_are_cooled_and_shy_ones_warmed():
    random = np.random.default_rng(0)
    truth = random.integers(0, 6, 2000)
    honest = random.normal(0, 1, (2000, 6)) + 2 * np.eye(6)[truth]  # the Bayes logits are 2 x
    for scale, temperature in ((1, 0.5), (2, 1), (8, 4)):
        assert fit_temperature(honest * scale, truth) == pytest.approx(temperature, rel=0.15)


@given(st.integers(1, 60), st.floats(0.01, 1e4), st.booleans())
def test_the_temperature_stays_in_bounds_even_when_all_are_right_or_wrong(count, scale, right):
    truth = np.arange(count) % 6
    logits = np.eye(6)[truth if right else (truth + 1) % 6] * scale
    assert TEMPERATURES[0] * 0.99 <= fit_temperature(logits, truth) <= TEMPERATURES[1] * 1.01


@pytest.mark.parametrize("logits", [np.zeros((0, 6)), np.full((3, 6), np.nan)])
def test_nothing_to_calibrate_on_is_refused(logits):
    with pytest.raises(EdgeError, match="calibration: expected finite logits"):
        fit_temperature(logits, np.zeros(len(logits), int))
