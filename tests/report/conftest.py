"""A realistic record of a run, made without a run: all five states, all shapes, real verdicts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.data.intents import INTENTS as KNOWN
from pipeline.measure.latency import percentiles
from pipeline.measure.measurement import Exact, Measurement, NotMeasured, Paired, PairedSample, Proportion, Sample
from pipeline.verdict.judge import judge
from pipeline.verdict.thresholds import read_thresholds

ROOT = Path(__file__).resolve().parents[2]
INTENTS = ["weather_query", "time_query", "simple_qa", "complex_reasoning", "knowledge_qa", "open_chat"]
HOSTILE = "a|b *c* _d_ \\e &f %g $h$ #i <b>j</b> ~k^ {l} `m` [n](o)\nline two"
ROLES = ["data", "base", "adapter", "merged", "decision", "onnx-fp32", "onnx-int8"]
KEYS = {role: hashlib.sha256(role.encode()).hexdigest() for role in ROLES}
SCALE = "the profile reference says nothing about size or speed; judge it with --profile qwen3-0.6b on an M4"


def confusion(n: int, right: float, classes: int) -> list[list[int]]:
    rng = np.random.default_rng(7)
    rows = []
    for row in range(classes):
        weights = np.full(classes, (1 - right) / (classes - 1))
        weights[row] = right
        rows.append(rng.multinomial(n // classes, weights).tolist())
    return rows


def intent_details() -> dict[str, Any]:
    matrix = confusion(1500, 0.95, 6)
    recall = {name: matrix[row][row] / sum(matrix[row]) for row, name in enumerate(INTENTS)}
    wrong = [{"query": HOSTILE, "expected": "open_chat", "found": "simple_qa", "confidence": 0.52},
             {"query": "如果明天下雨，我应该带伞还是穿雨衣？", "expected": "complex_reasoning", "found": "weather_query",
              "confidence": 0.61}]
    return {"intents": INTENTS, "confusion": matrix, "recall": recall, "wrong": wrong}


def outcomes(n: int, right: int) -> list[int]:
    return [1] * right + [0] * (n - right)


def latencies(median: float, n: int = 400) -> list[float]:
    return (median * np.random.default_rng(int(median * 10)).lognormal(0, 0.22, n)).round(4).tolist()


def measurements() -> dict[str, Measurement]:
    """By claim id; what is missing here was not measured."""
    int8 = {"model": KEYS["onnx-int8"], "decision": KEYS["decision"]}
    fp32 = {"model": KEYS["onnx-fp32"], "decision": KEYS["decision"]}
    conditions = {"threads": 2, "provider": "CPUExecutionProvider", "warm_up": 20}
    slow = latencies(6.1)
    routes = {"routes": ["local", "cloud"], "confusion": [[712, 38], [52, 698]]}
    memory = {"peak_rss_mb": [141.2, 141.9, 140.8], "uss_mb": [98.1, 98.7, 97.9], "footprint_mb": None,
              "interpreter_mb": 61.4}
    return {
        "data.valid": Exact("data_findings", "count", {"data": KEYS["data"]}, {}, {"n": 2500}, value=0),
        "training.lora_parameters": Exact("lora_parameters", "count", {"adapter": KEYS["adapter"]}, value=71680),
        "accuracy.merged": Proportion("accuracy", "proportion", {"model": KEYS["merged"]}, conditions, intent_details(),
                                      outcomes=outcomes(1500, 1424)),
        "accuracy.int8": Proportion("accuracy", "proportion", int8, conditions, intent_details(),
                                    outcomes=outcomes(1500, 1361)),
        "quantization.accuracy_loss": Paired("accuracy_loss", "points", {"reference": KEYS["merged"]}, conditions,
                                             reference=outcomes(1500, 1424), candidate=outcomes(1500, 1421)),
        "quantization.size": Exact("size", "MB", int8, value=12.31),
        "quantization.speedup": PairedSample("speedup", "ms", {"reference": KEYS["onnx-fp32"], "candidate": KEYS["onnx-int8"]},
                                             conditions, reference=latencies(9.4, 200), candidate=latencies(6.2, 200)),
        "onnx.agreement": Proportion("agreement", "proportion", fp32, conditions,
                                     {"largest_logit_difference": 1.049e-05, "mean_logit_difference": 1.04e-06,
                                      "disagreements": [], "disagreement_count": 40}, outcomes=outcomes(1500, 1460)),
        "onnx.size": Exact("size", "MB", fp32, value=45.7),
        "latency.p50": Sample("latency", "ms", int8, conditions, percentiles(slow), values=slow),
        "latency.p95": Sample("latency", "ms", int8, conditions, percentiles(slow), values=slow),
        "memory.peak_rss": Sample("peak_rss", "MB", int8, conditions, memory, values=memory["peak_rss_mb"]),
        "routing.accuracy": Proportion("routing", "proportion", int8, conditions, routes, outcomes=outcomes(1500, 1410)),
        "routing.edge_share": Proportion("edge_share", "proportion", int8, conditions,
                                         invalid="the machine was busy: load 3.9 on 2 cores", outcomes=outcomes(1000, 655)),
        "routing.beats_always_edge": Paired("routing_gain", "points", int8, conditions, routes,
                                            reference=outcomes(1500, 750), candidate=outcomes(1500, 1410)),
        "routing.beats_always_cloud": Paired("routing_gain", "points", int8, conditions, routes,
                                             reference=outcomes(1500, 750), candidate=outcomes(1500, 1410)),
    }


def dumped(measurement: Measurement) -> dict[str, Any]:
    return {"shape": measurement.shape, **asdict(measurement)}


def claim_entries() -> Iterator[dict[str, Any]]:
    taken = measurements()
    for target in read_thresholds(ROOT / "thresholds.yaml").claims.values():
        absent = NotMeasured(target.metric, target.unit, reason="powermetrics needs an Apple M4; run on one with -m m4")
        measurement = taken.get(target.id, absent)
        counts_here = SCALE if target.about == "scale" and target.id != "training.lora_parameters" else ""
        verdict = judge(measurement, target, counts_here)
        names = ("id", "title", "caption", "phase", "source", "metric", "unit", "statistic", "percentile", "comparison",
                 "target", "confidence", "smallest_n")
        yield {**{name: getattr(target, name) for name in names}, "verdict": verdict.to_json(),
               "measurement": dumped(measurement), "test": f"acceptance/test_phase.py::test_{target.metric}", "duration_s": 0.4}


def observations() -> list[dict[str, Any]]:
    bins = [{"low": low / 10, "high": (low + 1) / 10, "n": n, "confidence": low / 10 + 0.05, "accuracy": accuracy}
            for low, n, accuracy in [(3, 0, 0), (4, 18, 0.44), (5, 40, 0.6), (6, 61, 0.62), (7, 90, 0.79), (8, 160, 0.84),
                                     (9, 1131, 0.98)]]
    slow = latencies(9.3)
    model = {"model": KEYS["onnx-fp32"]}
    return [
        {"id": "calibration.ece", "title": "expected calibration error", "caption": "期望校准误差", "phase": "3 accuracy",
         "measurement": dumped(Exact("ece", "proportion", model, details={"bins": bins}, value=0.013))},
        {"id": "latency.fp32", "title": "latency of the fp32 model", "caption": "fp32 模型延迟", "phase": "6 performance",
         "measurement": dumped(Sample("latency", "ms", model, details={"p50": 9.3, "p95": 13.0}, values=slow))},
        *routing_observations(model), *function_observations(model),
    ]


def function_observations(model: dict[str, str]) -> list[dict[str, Any]]:
    wrong = [{"asked": "北京今天天气怎么样\n那明天呢", "expected": "北京明天天气怎么样", "found": "那明天呢"}]
    details = {"by_kind": {"follow_up": [3, 4], "pronoun": [0, 0]}, "by_words": 0.5, "wrong": wrong}
    return [{"id": "functions.rewriting", "title": "rewriting", "caption": "问题改写", "phase": "8 functions",
             "measurement": dumped(Proportion("rewriting", "proportion", model, details=details, outcomes=[1, 1, 1, 0]))}]


def routing_observations(model: dict[str, str]) -> list[dict[str, Any]]:
    coverage = (np.arange(1, 201) / 200).tolist()
    curve = {"n": 1500, "curve": {"coverage": coverage, "risk": [max(0.02 * c, 1 - 0.51 / c) for c in coverage]}, "best": 0.154,
             "operating": {"coverage": 0.467, "risk": 0.034}}
    policies = [{"policy": policy, "accuracy": accuracy, "miss_rate": miss, "edge_share": share, "relative_cost": 1 - 0.99 * share}
                for policy, accuracy, miss, share in [("always-cloud", 0.5, 0.0, 0.0), ("combined", 0.9347, 0.032, 0.64)]]
    cost = {"n": 1000, "costs": {"local": 0.01, "cloud": 1.0}, "policies": policies}
    return [
        {"id": "routing.risk_coverage", "title": "area under the risk-coverage curve", "caption": "风险-覆盖率曲线下面积",
         "phase": "7 routing", "measurement": dumped(Exact("risk_coverage_area", "proportion", model, details=curve, value=0.163))},
        {"id": "routing.relative_cost", "title": "relative cost", "caption": "相对成本", "phase": "7 routing",
         "measurement": dumped(Exact("relative_cost", "proportion", model, details=cost, value=0.3664))},
    ]


def manifest(role: str, inputs: list[str]) -> dict[str, Any]:
    return {"version": 1, "key": KEYS[role], "kind": role, "role": role, "config": {"seed": 42},
            "inputs": {name: KEYS[name] for name in inputs}, "libraries": {"torch": "2.13.0"},
            "files": {"model.safetensors": {"sha256": "0" * 64, "bytes": 12_310_000},
                      "config.json": {"sha256": "1" * 64, "bytes": 912}},
            "host": {"cpu": "Apple M4"}, "duration_s": 12.5}


def training() -> dict[str, Any]:
    steps = range(5, 405, 5)
    train = [{"step": s, "loss": 2.9 * np.exp(-s / 70) + 0.08 + 0.05 * np.sin(s), "token_accuracy": 1 - 0.8 * np.exp(-s / 60),
              "grad_norm": 1.2, "learning_rate": 4e-3} for s in steps]
    evals = [{"step": s, "epoch": s / 50, "loss": 2.9 * np.exp(-s / 70) + 0.14, "token_accuracy": 1 - 0.85 * np.exp(-s / 60)}
             for s in range(50, 401, 50)]
    return {"train": train, "eval": evals, "best_step": 350, "lora_parameters": 71680, "base_parameters": 6_200_000,
            "rows": {"train": 800, "validation": 100}, "seconds": 93.2}


def make_results() -> dict[str, Any]:
    host = {"cpu": "AMD EPYC 9B14", "system": "Linux", "release": "6.1.0", "machine": "x86_64", "python": "3.11.7",
            "cores": 2, "memory_gb": 24, "chip": "",
            "libraries": {"torch": "2.13.0"}}
    chain = {"data": [], "base": ["data"], "adapter": ["base", "data"], "merged": ["adapter", "base"],
             "decision": ["merged", "data"], "onnx-fp32": ["merged"], "onnx-int8": ["onnx-fp32"]}
    run = {"id": "20261120T115000Z", "started": "2026-11-20T11:50:00+00:00", "finished": "2026-11-20T11:58:21+00:00",
           "duration_s": 501.0, "command": ["pytest", "acceptance/"], "profile": "reference",
           "profile_config": {"train": {"rank": 8, "alpha": 16, "learning_rate": 0.004, "epochs": 8},
                              "serve": {"threads": 2}, "decision": {"confidence_threshold": 0.6}},
           "says": "everything that does not depend on size", "host": host,
           "libraries": {"torch": "2.13.0", "onnxruntime": "1.31.1", "ms_swift": "4.6.0"},
           "git": {"commit": "0123456789abcdef0123456789abcdef01234567", "dirty": False}, "required_host": "any",
           "exit_code": 1, "gate": {"state": "red", "red": ["accuracy.int8", "onnx.agreement", "routing.edge_share"]}}
    return {"version": 1, "run": run, "claims": list(claim_entries()), "observations": observations(),
            "artifacts": {KEYS[role]: manifest(role, inputs) for role, inputs in chain.items()}, "training": training(),
            "intents": {intent.name: intent.caption for intent in KNOWN}}


def moved(results: dict[str, Any], claim: str, state: str, **more: Any) -> None:
    """Let a claim of the record have moved against a baseline: 3.4 points worse, unless ``more`` says otherwise."""
    entry = next(entry for entry in results["claims"] if entry["id"] == claim)
    entry["regression"] = {"state": state, "message": f"{claim} moved", "worse": 0.034, "lower": 0.02, "upper": 0.05,
                           "tolerance": 0.02, "relative": False, "baseline_value": 0.95, "baseline_n": 1500, "method": "paired",
                           "flipped": {"lost": [], "gained": []}} | more


@pytest.fixture
def results() -> dict[str, Any]:
    return make_results()


@pytest.fixture
def hostile(results: dict[str, Any]) -> dict[str, Any]:
    """The same record with hostile text wherever text comes from outside."""
    for entry in results["claims"]:
        entry["title"], entry["caption"] = f"{entry['title']} {HOSTILE}", f"{entry['caption']} {HOSTILE}"
        entry["verdict"]["message"] = HOSTILE
    results["run"]["host"]["cpu"] = HOSTILE
    results["run"]["profile_config"]["prompt"] = {"system": HOSTILE}
    for item in results["artifacts"].values():
        item["role"] = HOSTILE
    return results
