"""--compare --rounds: what ONNX Runtime can serve with the very codes is timed, what it cannot is not measured and says why; all are
asked for the profile's intents."""

from __future__ import annotations

import pytest

from pipeline.cli import main
from pipeline.measure.machine_lock import FOLDER_VARIABLE
from pipeline.precision.exported import NO_KERNEL
from pipeline.quantize import QuantizationConfig
from pipeline.quantize.several import compare_methods

PROFILE = """\
name: tiny
says: nothing
tells: [behaviour]
base: {kind: reference}
data: {train: 30, validation: 12, test: 12, challenge: 24}
prompt: {system: 判断意图, max_length: 64}
train: {}
decision: {confidence_threshold: 0.6}
serve: {threads: 1}
"""


def test_integer_codes_are_timed_and_fp8_is_not(merged, store, tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    (profile := tmp_path / "tiny.yaml").write_text(PROFILE, encoding="utf-8")
    (texts := tmp_path / "texts.txt").write_text("今天天气怎么样\n现在几点了\n", encoding="utf-8")
    config = QuantizationConfig(input=merged, group_size=32, profile=str(profile))
    tasks = {"intents": None}
    rows = compare_methods(config, ["int4-rtn", "fp8-dynamic"], str(texts), tasks, store, print, rounds=3).to_json()["rows"]
    served = {row["name"]: row["served"] for row in rows}
    for name in ("original", "int4-rtn"):
        assert 0 < served[name]["p50_ms"] <= served[name]["p95_ms"] and served[name]["per_second"] > 0 and served[name]["peak_rss_mb"] > 1
    change = served["int4-rtn"]["change"]
    assert 1 + change["value"] == pytest.approx(served["int4-rtn"]["p50_ms"] / served["original"]["p50_ms"])
    assert change["lower"] <= change["upper"] and "change" not in served["original"]
    assert served["fp8-dynamic"] == {"reason": NO_KERNEL}
    asked = {row["name"]: row["tasks"]["intents"] for row in rows}
    assert "loss" not in asked["original"] and all(len(found["right"]) == 24 for found in asked.values())
    for name in ("int4-rtn", "fp8-dynamic"):
        loss = asked["original"]["accuracy"]["value"] - asked[name]["accuracy"]["value"]
        assert asked[name]["loss"]["value"] == pytest.approx(loss) and asked[name]["loss"]["lower"] < loss < asked[name]["loss"]["upper"]


def test_a_negative_number_of_rounds(merged, tmp_path, capsys):
    assert main(["quantize", "--input", str(merged), "--compare", "fp8-dynamic", "--texts", "t", "--rounds", "-1"]) == 2
    assert "--rounds: expected 0 or more, found -1" in capsys.readouterr().err
