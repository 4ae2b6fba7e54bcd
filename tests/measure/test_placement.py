"""Where the work ran: Core ML's plan and ONNX Runtime's profile, recorded, broken, and joined with what is claimed."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import EdgeError
from pipeline.measure import child as child_module
from pipeline.measure.latency import latency
from pipeline.measure.measurement import Exact, Measurement, NotMeasured, Sample
from pipeline.measure.placement import METRIC, PROVIDER_METRIC, neural_engine_share, on_the_neural_engine, placement, run_by_core_ml
from pipeline.measure.subject import Subject
from pipeline.runtime import compute_plan, onnx_profile
from tests.runtime import core_ml
from tests.runtime.core_ml import Plan, block, operation

RECORDED = Path(__file__).parent / "recorded"

# --- Core ML's plan


def recorded_plan() -> Plan:
    """The listing as the objects that coremltools gives."""
    lines = re.findall(r"operation (\S+), device <ML(\w+)ComputeDevice: \S+>, cost (\S+)%", (RECORDED / "compute_plan.txt").read_text())
    short = {"CPU": "cpu", "NeuralEngine": "ne"}
    return Plan(main=block(*(operation(name, short[device], float(cost) / 100) for name, device, cost in lines)))


def test_the_recorded_plan() -> None:
    told = compute_plan.tally(recorded_plan())["functions"]["main"]
    assert told["ops"] == {"cpu": 3, "neural engine": 10}
    assert told["cost"]["neural engine"] == pytest.approx(21.7687 / 32.3119) and sum(told["cost"].values()) == pytest.approx(1)


def test_constants_count_nothing_inner_blocks_do_and_what_is_not_told_is_not_the_engine_s() -> None:
    inner = block(operation("ios18.linear", "ne", 0.5))
    plan = Plan(main=block(operation("const", None, None), operation("cond", "cpu", 0.0, inner), operation("lost", None, 0.25),
                           operation("new", object(), 0.25)), other=block(operation("const", None, None)))
    told = compute_plan.tally(plan)["functions"]
    assert told == {"main": {"ops": {"cpu": 1, "neural engine": 1, "unknown": 1, "object": 1},
                             "cost": {"cpu": 0, "neural engine": 0.5, "unknown": 0.25, "object": 0.25}}}


@pytest.mark.parametrize("cost", [math.nan, -0.1, math.inf, "0.5", True])
def test_a_cost_that_is_no_share_is_an_error(cost: Any) -> None:
    with pytest.raises(EdgeError, match="MLComputePlan"):
        compute_plan.tally(Plan(main=block(operation("ios18.linear", "ne", cost))))


@pytest.mark.parametrize("plan", [Plan(), Plan(main=block()), Plan(main=block(operation("ios18.linear", None, None))),
                                  Plan(main=block(operation("ios18.linear", "ne", 0.0))), Plan(main=block(operation("x", "ne", None)))])
def test_a_plan_that_tells_nothing_is_an_error(plan: Plan) -> None:
    with pytest.raises(EdgeError, match="MLComputePlan"):
        compute_plan.tally(plan)


@given(st.lists(st.tuples(st.sampled_from(["ne", "cpu", "gpu", None]), st.none() | st.floats(0, 1)), max_size=30))
def test_shares_are_shares(operations: list[tuple[str | None, float | None]]) -> None:
    try:
        told = compute_plan.tally(Plan(main=block(*(operation("op", *one) for one in operations))))
    except EdgeError:
        assert not any(cost for _, cost in operations)
        return
    shares = told["functions"]["main"]["cost"].values()
    assert sum(shares) == pytest.approx(1) and all(0 <= share <= 1 for share in shares)


def test_the_function_with_the_least_share_counts_of_those_that_are_used() -> None:
    shares = {"a": 0.9, "b": 0.4, "c": 0.1}
    told = {"functions": {name: {"cost": {"neural engine": share, "cpu": 1 - share}} for name, share in shares.items()}}
    assert neural_engine_share({**told, "used": ["a", "b"]}) == 0.4 and neural_engine_share({**told, "used": ["a", "x"]}) == 0.9
    assert neural_engine_share({**told, "used": ["x"]}) == neural_engine_share(told) == 0.1  # nothing used is planned: the worst of all


# --- ONNX Runtime's profile

def events(name: str) -> list[dict[str, Any]]:
    return onnx_profile.read_profile(RECORDED / f"{name}.json")


def test_the_recorded_profiles() -> None:
    told = onnx_profile.tally(events("ort_profile_cpu"))
    assert told["nodes"] == {"CPUExecutionProvider": 4} and told["time"] == {"CPUExecutionProvider": 1.0}
    whole = events("ort_profile_core_ml")
    told = onnx_profile.tally([*whole, {**whole[-1], "cat": "Session"}, {**whole[-1], "name": "CoreML_fence_after"}])
    assert told["nodes"] == {"CPUExecutionProvider": 2, "CoreMLExecutionProvider": 2}
    assert told["time"]["CoreMLExecutionProvider"] == pytest.approx(3660 / (3660 + 79 + 19), abs=0.02)


@pytest.mark.parametrize("change", [{"dur": -1}, {"dur": "5"}, {"dur": None}, {"dur": math.nan}, {"dur": math.inf}, {"dur": True},
                                    {"args": {}}, {"args": {"provider": ""}}, {"args": None}, {"args": {"provider": 3}}])
def test_a_node_that_is_not_told_whole_is_an_error(change: dict[str, Any]) -> None:
    whole = events("ort_profile_core_ml")
    with pytest.raises(EdgeError, match="profile"):
        onnx_profile.tally([*whole, {**whole[-1], **change}])


@pytest.mark.parametrize("none", [[], events("ort_profile_cpu")[:2], [3, "x", None],
                                  [{**events("ort_profile_cpu")[2], "dur": 0}]])
def test_a_profile_without_a_node_is_an_error(none: list[Any]) -> None:
    with pytest.raises(EdgeError, match="profile"):
        onnx_profile.tally(none)


@pytest.mark.parametrize("broken", [b"", b"<html></html>", b"{}", (RECORDED / "ort_profile_cpu.json").read_bytes()[:-30], b"\xff\xfe"])
def test_a_broken_profile_is_an_error(tmp_path: Path, broken: bytes) -> None:
    (tmp_path / "p.json").write_bytes(broken)
    with pytest.raises(EdgeError, match="p.json"):
        onnx_profile.read_profile(tmp_path / "p.json")


# --- the meter

WORKER = """
import sys
import numpy as np
from pipeline.measure import worker
from pipeline.runtime import coreml_runtime
from tests.runtime import core_ml
coreml_runtime.why_not_here = lambda: ""
coreml_runtime.coremltools = lambda: core_ml.tools(lambda data: {{"logits": np.tile(data["mask"].sum(1, keepdims=True), 6)}}, {plan})
sys.exit(worker.main())
"""
GOOD, BAD = "core_ml.PLAN", "core_ml.Plan(tokens_16=core_ml.block(core_ml.operation('ios18.linear', 'cpu', 1.0)))"


@pytest.fixture
def on_core_ml(tmp_path: Path, subject: Subject, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The tiny subject as a Core ML directory, served by a worker that has a Core ML with this plan."""
    labels = json.loads((subject.model / "runtime.json").read_text())["label_ids"]
    core_ml.directory(tmp_path / "m", label_ids=labels, functions={"tokens_8": 8, "tokens_16": 16, "tokens_64": 64}, max_length=64)
    monkeypatch.setenv("EDGE_COREML_CACHE", str(tmp_path / "cache"))

    def served(plan: str) -> Subject:
        monkeypatch.setattr(child_module, "PROGRAM", ("-P", "-c", WORKER.format(plan=plan)))
        return replace(subject, model=tmp_path / "m")

    return served


def test_a_real_session_tells_its_provider_and_that_says_nothing_of_the_neural_engine(subject: Subject, queries: list[str]) -> None:
    placed = placement(subject, queries)
    assert isinstance(placed, Exact) and (placed.metric, placed.value) == (PROVIDER_METRIC, 0.0)
    assert placed.details["time"] == {"CPUExecutionProvider": 1.0}
    claimed = on_the_neural_engine(latency(subject, queries, warmup=1, rounds=3), placed, 0.9)
    assert "not known whether" in claimed.invalid and "core_ml_share" in claimed.invalid


@pytest.mark.parametrize(("plan", "share"), [(GOOD, 0.95), (BAD, 0.0)])
def test_a_claim_counts_only_where_the_work_was_placed(on_core_ml: Any, queries: list[str], plan: str, share: float) -> None:
    subject = on_core_ml(plan)
    placed = placement(subject, queries)
    assert (placed.metric, placed.value) == (METRIC, pytest.approx(share)) and placed.conditions["provider"] == "coreml-cpu-and-ne"
    taken = latency(subject, queries, warmup=1, rounds=3)
    claimed = on_the_neural_engine(taken, placed, 0.9)
    assert ("ran elsewhere" in claimed.invalid) is (share < 0.9) and claimed.values == taken.values


def test_a_backend_that_does_not_tell_is_not_measured(subject: Subject, queries: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    silent = "import sys\nimport pipeline.runtime.onnx_runtime as r\ndel r.OnnxRuntime.placement\nfrom pipeline.measure import worker\n"
    monkeypatch.setattr(child_module, "PROGRAM", ("-P", "-c", silent + "sys.exit(worker.main())"))
    placed = placement(subject, queries)
    assert isinstance(placed, NotMeasured) and "does not tell" in placed.reason


# --- joined

RAN = {"backend": "coreml", "provider": "coreml-cpu-and-ne", "threads": 1}
PLACED = Exact(metric=METRIC, unit="proportion", artifacts={"m": "key"}, conditions=RAN, value=0.97)
POWER = Sample(metric="added_power", unit="mW", artifacts={"m": "key"}, conditions=RAN, values=[90.0] * 3,
               details={"added_by_part": {"cpu": [20.0] * 3, "ane": [70.0, 68.0, 71.0]}})


@pytest.mark.parametrize(("placed", "counts"), [
    (Exact(PROVIDER_METRIC, "proportion", value=0.9), True), (Exact(PROVIDER_METRIC, "proportion", value=0.5), False),
    (Exact(METRIC, "proportion", value=0.9), False), (NotMeasured(METRIC, "proportion", reason="it does not tell"), False)])
def test_what_core_ml_s_provider_did_not_take_is_invalid(placed: Exact | NotMeasured, counts: bool) -> None:
    found = run_by_core_ml(POWER, placed)
    assert (found is POWER) == counts and bool(found.invalid) != counts


def test_a_power_on_the_neural_engine_counts() -> None:
    assert on_the_neural_engine(POWER, PLACED, 0.9) is POWER


@pytest.mark.parametrize(("placed", "words"), [
    (replace(PLACED, value=0.9), "90.0 % of the estimated cost"), (replace(PLACED, value=math.nan), "ran elsewhere"),
    (replace(PLACED, metric=PROVIDER_METRIC), "not known"),
    (replace(PLACED, artifacts={"m": "another"}), "another's"),
    (replace(PLACED, conditions={**RAN, "provider": "coreml-all"}), "another's"),
    (NotMeasured(METRIC, "proportion", reason="no plan"), "no plan")])
def test_a_placement_that_does_not_hold_makes_the_claim_invalid(placed: Measurement, words: str) -> None:
    claimed = on_the_neural_engine(replace(POWER, invalid="the machine ran on battery"), placed, 0.9)
    assert words in claimed.invalid and claimed.invalid.startswith("the machine ran on battery; ")


def test_a_neural_engine_that_draws_nothing_did_not_do_it() -> None:
    idle = replace(POWER, details={"added_by_part": {"cpu": [90.0] * 3, "ane": [0.0, 0.0, 0.0]}})
    assert "drew 0 mW more than idle" in on_the_neural_engine(idle, PLACED, 0.9).invalid


def test_what_was_not_measured_stays_so() -> None:
    missing = NotMeasured("added_power", "mW", reason="no counter")
    assert on_the_neural_engine(missing, replace(PLACED, value=0.0), 0.9) is missing
