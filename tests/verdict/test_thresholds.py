"""thresholds.yaml: a typo is one line that names its key, and never a claim that always passes."""

import re
from pathlib import Path

import pytest
import yaml

from pipeline.errors import EdgeError
from pipeline.verdict.thresholds import read_thresholds

ROOT = Path(__file__).parents[2]
LOSS, RATE, P95 = (("claims", name) for name in ("quantization.accuracy_loss", "accuracy.int8", "latency.p95"))


def refusal(tmp_path, text):
    file = tmp_path / "thresholds.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(EdgeError) as caught:
        read_thresholds(file)
    return str(caught.value).removeprefix(str(file))


@pytest.mark.parametrize(("place", "key", "value", "says"), [
    (LOSS, "target", 2, "quantization.accuracy_loss.target: .*fractions.* 0.02 for 2 points"),
    (LOSS, "target", 1, "fractions"),
    (RATE, "target", 90, "fractions"),
    (RATE, "target", -0.9, "fractions"),
    (P95, "target", float("inf"), "latency.p95.target: .*finite"),
    (P95, "target", float("nan"), "latency.p95.target: .*finite"),
    (P95, "target", True, "latency.p95.target: .*valid number"),
    (P95, "target", "100", "latency.p95.target: .*valid number"),
    (P95, "smallest_n", True, "latency.p95.smallest_n: .*valid integer"),
    (P95, "unit", "MB", "latency.p95.statistic: .*unit MB; percentile goes with ms"),
    (LOSS, "comparison", ">", "comparison: non_inferiority is judged with `<` only"),
    (P95, "confidence", 0.5, "latency.p95.confidence: .*greater than 0.5"),
    (P95, "confidence", 1, "latency.p95.confidence: .*less than 1"),
    ((), "confidence", 0.5, ": confidence: .*greater than 0.5"),
    ((), "confidence", None, ": confidence: Field required"),
    (P95, "tolerance", "ten percent", "latency.p95.tolerance: expected a number of at least 0 .* such as 10%, found 'ten percent'"),
    (P95, "tolerance", "-1%", "latency.p95.tolerance"),
    (P95, "tolerance", "0.1", "latency.p95.tolerance"),
    (P95, "tolerance", -1, "latency.p95.tolerance"),
    (P95, "tolerance", True, "latency.p95.tolerance"),
    (P95, "tolerance", 10**400, "latency.p95.tolerance"),
    (P95, "tolerance", float("nan"), "latency.p95.tolerance"),
    (P95, "reason", 5, "latency.p95.reason: .*valid string"),
    ((), "dropped", {"latency.p95": "slow"}, "latency.p95 stands under `claims` and under `dropped`: remove one"),
    (("gate",), "regression_confidence", None, "gate.regression_confidence: Field required"),
    (("gate",), "red", [], "gate.red: .*at least `fail`"),
    (("gate",), "red", ["inconclusive", "invalid"], "gate.red: .*at least `fail`"),
])
def test_what_would_always_pass_or_crash_is_refused(tmp_path, place, key, value, says):
    content = yaml.safe_load((ROOT / "thresholds.yaml").read_text())
    entry = content
    for name in place:
        entry = entry[name]
    entry.pop(key) if value is None else entry.update({key: value})
    said = refusal(tmp_path, yaml.safe_dump(content))
    assert re.search(says, said) and "\n" not in said


@pytest.mark.parametrize(("text", "says"), [
    ("a: 1\n? [1, 2]\n: 3\n", ":2: expected valid YAML, found: a sequence as a key"),
    ("a: 1\n{b: 1}: 2\n", ":2: expected valid YAML, found: a mapping as a key"),
    ("a: 2026-13-45\n", ":1: expected valid YAML, found: '2026-13-45', which is no valid timestamp"),
    ("a:\n  - !!int x\n", ":2: expected valid YAML, found: 'x', which is no valid int"),
    ("a: !!set [1]\n", ":1: expected valid YAML"),
    ("[" * 5000, ": expected valid YAML"),
])
def test_broken_yaml_is_one_line_with_its_number(tmp_path, text, says):
    assert refusal(tmp_path, text).startswith(says)


def test_the_confidence_of_the_file_holds_where_a_claim_states_none():
    claims = read_thresholds(ROOT / "thresholds.yaml").claims
    assert (claims["accuracy.int8"].confidence, claims["latency.p95"].confidence) == (0.95, 0.99)


def test_a_tolerance_is_in_the_unit_or_relative():
    claims = read_thresholds(ROOT / "thresholds.yaml").claims
    assert claims["accuracy.int8"].tolerated == (0.02, False)
    assert claims["latency.p95"].tolerated == (0.1, True)
