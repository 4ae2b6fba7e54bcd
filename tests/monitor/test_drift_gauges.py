"""What `edge monitor --finding` writes is what /metrics shows."""

from __future__ import annotations

import json
import math
import re
import time
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.drift.simulate import World, decisions
from pipeline.cli import main
from pipeline.edge.server.decisions import Decisions
from pipeline.edge.server.metrics import Metrics
from pipeline.monitor.gauges import DriftGauges

FINDING = {"version": 1, "at": 7.5, "decisions": 200, "alarms": {"latency": 3, "intents": 0}}


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {(sample.name, *sample.labels.values()): sample.value for family in text_string_to_metric_families(text)
            for sample in family.samples if sample.name.startswith("edge_drift")}


def shown(*files: Path) -> dict[tuple[str, ...], float]:
    DriftGauges(lambda: files, registry := CollectorRegistry())
    return samples(generate_latest(registry).decode())


def log(file: Path, world: World, count: int) -> Path:
    kept = Decisions(file)
    for one in decisions(world, count, np.random.default_rng(4)):
        kept.add(one.ms, one.confidence, one.label)
    return file


def test_a_planted_drift_is_in_metrics_and_is_gone_from_them_when_it_is_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = log(tmp_path / "good.jsonl", World(), 600), log(tmp_path / "bad.jsonl", World(weather=0.8), 600)
    window, finding = tmp_path / "window.json", tmp_path / "drift" / "intent.json"
    served = Metrics(["intent"], finding)
    assert samples(served.text().decode()) == {}
    assert main(["monitor", str(good), "--baseline", str(window), "--save"]) == 0
    assert main(["monitor", str(bad), "--baseline", str(window), "--finding", str(finding)]) == 1
    found = samples(served.text().decode())
    told = int(re.search(r"(\d+) alarms; 1 false", capsys.readouterr().out)[1])
    streams = {stream: found["edge_drift_alarms", "intent", stream] for stream in ("latency", "slowest", "confidence", "intents")}
    assert streams["intents"] > 0 and sum(streams.values()) == told and found["edge_drift_decisions", "intent"] == 600
    assert math.isclose(found["edge_drift_looked_timestamp_seconds", "intent"], time.time(), abs_tol=60)
    assert main(["monitor", str(good), "--baseline", str(window), "--finding", str(finding)]) == 0
    over = samples(served.text().decode())
    assert [over["edge_drift_alarms", "intent", stream] for stream in streams] == [0, 0, 0, 0]


def test_each_file_is_a_model_by_its_name(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_text(json.dumps(FINDING))
    found = shown(*sorted(tmp_path.iterdir()))
    assert found["edge_drift_alarms", "one", "latency"] == found["edge_drift_alarms", "two", "latency"] == 3 and len(found) == 8


@pytest.mark.parametrize("content", ["", "[", "[" * 100_000, "{}", json.dumps({**FINDING, "version": 2}), json.dumps({**FINDING, "at": -1}),
                                     json.dumps({**FINDING, "alarms": {"made up": 1}}), json.dumps({**FINDING, "alarms": {"latency": -1}})],
                         ids=["empty", "broken", "deep", "nothing", "newer", "no time", "no stream", "below zero"])
def test_a_file_that_is_none_shows_nothing_and_keeps_nobody_from_the_others(tmp_path: Path, content: str) -> None:
    (tmp_path / "good.json").write_text(json.dumps(FINDING))
    (tmp_path / "bad.json").write_text(content)
    found = shown(tmp_path / "bad.json", tmp_path, tmp_path / "none" / "x.json", tmp_path / "good.json")
    assert {labels[1] for labels in found} == {"good"}
