"""The documented rules, and the router made of them and the model."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.generate import generate
from pipeline.data.intents import INTENTS, by_name
from pipeline.edge.router import Routed, device_score, route, rule_of
from pipeline.edge.rules import Asked, documented_rules, read_rules
from pipeline.errors import EdgeError
from pipeline.runtime.decision import CLOUD, LOCAL, Decision

RULES = documented_rules()
THRESHOLD = 0.6
asked = st.builds(Asked, st.text(max_size=120) | st.sampled_from([f"请{word}一下" for word in RULES.keywords]),
                  st.booleans(), st.booleans())


def decided(intent: str, confidence: float, threshold: float = THRESHOLD) -> Decision:
    sure = by_name(intent).route == LOCAL and confidence >= threshold
    return Decision("q", intent, confidence, LOCAL if sure else CLOUD, threshold, ())


decisions = st.builds(decided, st.sampled_from([intent.name for intent in INTENTS]), st.floats(1 / 6, 1))


@pytest.mark.parametrize(("question", "rule"), [
    (Asked("今天天气怎么样"), None),
    (Asked("今天天气怎么样", requires_reasoning=True), "requires_reasoning"),
    (Asked("今天天气怎么样", previous_failed=True), "previous_failed"),
    (Asked("分析一下房价上涨的利弊"), "keyword"),
    (Asked("晴" * 100), None),
    (Asked("晴" * 101), "length"),
    (Asked(""), None),
])
def test_each_documented_rule_fires_for_what_it_is_about(question: Asked, rule: str | None) -> None:
    assert rule_of(question) == rule


@settings(deadline=None)
@given(asked, decisions)
def test_combined_is_the_rules_then_the_model(question: Asked, decision: Decision) -> None:
    rules, model, combined = (route(question, decision, mode) for mode in ("rules", "model", "combined"))
    assert combined.route == (CLOUD if CLOUD in (rules.route, model.route) else LOCAL)
    assert combined.reason == (rules.reason if rules.route == CLOUD else model.reason)
    assert model.route == decision.route
    assert (rules.route == CLOUD) == (rule_of(question) is not None)


@pytest.mark.parametrize(("decision", "expected"), [
    (decided("weather_query", 0.9), Routed(LOCAL, "sure")),
    (decided("weather_query", 0.59), Routed(CLOUD, "unsure")),
    (decided("open_chat", 0.9), Routed(CLOUD, "intent")),
    (decided("open_chat", 0.3), Routed(CLOUD, "intent")),
])
def test_the_model_says_why(decision: Decision, expected: Routed) -> None:
    assert route(Asked("今天天气怎么样"), decision) == route(Asked("证明"), decision, "model") == expected


@settings(deadline=None)
@given(decisions, st.floats(0, 1))
def test_the_score_says_what_any_threshold_keeps(decision: Decision, threshold: float) -> None:
    """What the conformal threshold rests on; a router that ignored the threshold would part from the score."""
    at = decided(decision.intent, decision.confidence, threshold)
    assert (route(Asked("q"), at).route == LOCAL) == (device_score(at) >= threshold)


def test_an_unknown_mode_is_one_line() -> None:
    with pytest.raises(EdgeError, match="expected the router's mode rules, model, combined, found 'both'"):
        route(Asked("q"), decided("open_chat", 0.9), "both")  # type: ignore[arg-type]


def test_keywords_were_chosen_as_their_file_says(tmp_path: Path) -> None:
    """On the queries of training and validation alone, drawn as the reference profile draws them."""
    files = generate(tmp_path)
    rows = [json.loads(line) for split in ("train", "validation") for line in files[split].read_text(encoding="utf-8").splitlines()]
    for word in RULES.keywords:
        intents = [row["intent"] for row in rows if word in row["query"]]
        assert intents.count("complex_reasoning") >= 2, word
        assert not any(by_name(intent).route == LOCAL for intent in intents), word


@pytest.mark.parametrize(("content", "says"), [
    ("", "expected a mapping"), ("keywords: []\nlongest: 100\n", "keywords"), ("keywords: ['']\nlongest: 100\n", "keywords.0"),
    ("keywords: [分析]\nlongest: 0\n", "longest"), ("keywords: [分析]\nlongest: '100'\n", "longest"),
    ("keywords: [分析]\nlongst: 100\n", "unknown key longst; did you mean longest"),
])
def test_broken_rules_are_one_line(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(EdgeError, match=says) as caught:
        read_rules(file)
    assert "\n" not in str(caught.value)


def test_every_product_of_flags_has_one_rule() -> None:
    for reasoning, failed in product((False, True), repeat=2):
        assert (rule_of(Asked("几点了", reasoning, failed)) is None) == (not reasoning and not failed)
