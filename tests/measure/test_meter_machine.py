"""Latency, speed-up, memory, cold start, size, power, conditions and host.  No test here judges a clock's value:
planted delays are compared with the delay that was planted, which the measured time cannot be shorter than."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import EdgeError
from pipeline.measure import child as child_module
from pipeline.measure import conditions, energy_rapl, power
from pipeline.measure.cold_start import cold_start
from pipeline.measure.conditions import watch
from pipeline.measure.host import describe_host, host_class, is_m4
from pipeline.measure.latency import client_decision, latency, order, percentiles
from pipeline.measure.measurement import NotMeasured, Sample
from pipeline.measure.memory import memory
from pipeline.measure.size import MB, size
from pipeline.measure.speedup import speedup
from pipeline.measure.subject import Subject
from tests.measure import tiny

SLOW = ("import sys, time\nimport pipeline.runtime.onnx_runtime as r\nold = r.OnnxRuntime.logits\n"
        "def logits(self, ids):\n time.sleep({seconds})\n return old(self, ids)\n"
        "r.OnnxRuntime.logits = logits\nfrom pipeline.measure import worker\nsys.exit(worker.main())")


def slow(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Every worker started from now on sleeps before each forward pass."""
    monkeypatch.setattr(child_module, "PROGRAM", ("-P", "-c", SLOW.format(seconds=seconds)))


def test_latency_times_every_decision(subject: Subject, queries: list[str]) -> None:
    measured = latency(subject, queries, warmup=3, rounds=150)
    assert len(measured.values) == 150 and min(measured.values) > 0 and measured.unit == "ms"
    assert measured.details["max"] == max(measured.values)
    assert measured.details["tokens"] == {"least": 9, "median": 9.0, "most": 9}
    assert measured.conditions["backend"] == "onnx" and measured.conditions["warmup"] == 3


def test_a_sleep_of_120_ms_in_the_runtime_moves_every_latency(
    monkeypatch: pytest.MonkeyPatch, subject: Subject, queries: list[str]
) -> None:
    slow(monkeypatch, 0.12)
    for meter in (latency, client_decision):
        assert min(meter(subject, queries, warmup=1, rounds=8).values) >= 120


def test_the_client_parses_the_documented_json_and_calls_it_a_decision(subject: Subject, queries: list[str]) -> None:
    measured = client_decision(subject, queries, warmup=2, rounds=30)
    assert measured.metric == "client_decision" and len(measured.values) == 30
    assert measured.details["answer"]["expected_output"]["route"] in ("local", "cloud")


def test_speedup_pairs_the_same_rounds(subject: Subject, noisy: Subject, queries: list[str]) -> None:
    measured = speedup(subject, noisy, queries, warmup=2, rounds=21)
    assert len(measured.reference) == len(measured.candidate) == 21
    assert measured.artifacts == {"reference": "key-of-tiny", "candidate": "key-of-noisy"}


def test_speedup_sees_a_delay_on_one_side(
    monkeypatch: pytest.MonkeyPatch, subject: Subject, noisy: Subject, queries: list[str]
) -> None:
    """The reference is slowed by its own runtime alone: its threads say so to the planted program."""
    text = SLOW.format(seconds="0.05 if os.environ['OMP_NUM_THREADS'] == '2' else 0")
    monkeypatch.setattr(child_module, "PROGRAM", ("-P", "-c", "import os\n" + text))
    measured = speedup(replace(subject, threads=2), noisy, queries, warmup=1, rounds=6)
    assert min(measured.reference) >= 50 > np.median(measured.candidate)
    assert measured.details["ratio_of_medians"] > 1


@given(st.lists(st.text(min_size=1), min_size=1, max_size=30), st.integers(1, 80), st.randoms())
def test_the_order_of_queries_is_fixed_and_fair(queries: list[str], count: int, dice: object) -> None:
    plan = order(queries, count)
    assert plan == order(dice.sample(queries, len(queries)), count)
    seen = [plan.count(query) for query in set(queries)]
    assert len(plan) == count and max(seen) - min(seen) <= 1


@given(st.lists(st.floats(0.1, 1e4), min_size=1))
def test_percentiles_are_values_that_were_seen(values: list[float]) -> None:
    found = percentiles(values)
    assert set(found.values()) <= set(values)
    assert found["p50"] <= found["p90"] <= found["p95"] <= found["p99"] <= found["max"]


def test_memory_is_that_of_a_process_larger_than_the_bare_interpreter(subject: Subject, queries: list[str]) -> None:
    measured = memory(subject, queries, definition="peak_rss", repeats=2, decisions=5)
    assert isinstance(measured, Sample) and measured.values == measured.details["peak_rss_mb"]
    assert measured.metric == "peak_rss" and all(value > measured.details["interpreter_mb"] > 1 for value in measured.values)
    assert all(uss < peak for uss, peak in zip(measured.details["uss_mb"], measured.values, strict=True))


def test_memory_held_by_the_runtime_is_seen(
    monkeypatch: pytest.MonkeyPatch, subject: Subject, queries: list[str]
) -> None:
    before = max(memory(subject, queries, definition="peak_rss", repeats=1, decisions=2).values)
    text = "import sys\nheld = b'x' * 100_000_000\nfrom pipeline.measure import worker\nsys.exit(worker.main())"
    monkeypatch.setattr(child_module, "PROGRAM", ("-P", "-c", text))
    assert 90 < min(memory(subject, queries, definition="peak_rss", repeats=1, decisions=2).values) - before < 120


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS tells the footprint")
def test_a_definition_the_system_does_not_know_is_not_measured(subject: Subject, queries: list[str]) -> None:
    measured = memory(subject, queries, repeats=1, decisions=2, definition="footprint")
    assert isinstance(measured, NotMeasured) and measured.metric == "footprint" and "footprint" in measured.reason


def test_an_unknown_definition_is_refused(subject: Subject, queries: list[str]) -> None:
    with pytest.raises(EdgeError, match="peak_rss, uss, footprint"):
        memory(subject, queries, definition="vsz")


def test_cold_start_is_the_sum_of_its_parts(subject: Subject, queries: list[str]) -> None:
    measured = cold_start(subject, queries[0], repeats=2)
    for i, total in enumerate(measured.values):
        parts = [measured.details["split"][name][i] for name in ("interpreter", "imports", "load", "decision", "reply")]
        assert min(parts) >= 0 and sum(parts) == pytest.approx(total)


def test_size_counts_each_file_of_both_directories(subject: Subject) -> None:
    files = [f for top in (subject.model, subject.decision) for f in top.iterdir()]
    measured = size(subject)
    assert measured.value * MB == pytest.approx(sum(f.stat().st_size for f in files))
    assert len(measured.details["files"]) == len(files)
    assert list(size(subject, of="onnx").details["files"]) == ["model/model.onnx"]
    assert size(subject.model).value < measured.value


def test_nothing_to_measure_has_no_size(tmp_path: Path, subject: Subject) -> None:
    for path, of in ((tmp_path, "files"), (tmp_path / "none", "files"), (subject.decision, "onnx")):
        with pytest.raises(EdgeError, match="found none"):
            size(path, of=of)


# --- power

def rapl(root: Path, microjoules: int, most: int = 1_000_000) -> Path:
    for domain, name in (("intel-rapl:0", "package-0"), ("intel-rapl:1", "psys"), ("intel-rapl:0:0", "core")):
        (root / domain).mkdir(exist_ok=True)
        for file, text in (("name", name), ("max_energy_range_uj", str(most)), ("energy_uj", str(microjoules))):
            (root / domain / file).write_text(text + "\n")
    return root / "intel-rapl:0" / "energy_uj"


@pytest.mark.parametrize(("before", "after", "millijoules"), [(1000, 51_000, 50), (990_000, 40_000, 50)])
def test_rapl_counts_packages_once_and_survives_the_wrap(
    tmp_path: Path, before: int, after: int, millijoules: float
) -> None:
    energy = rapl(tmp_path, before)
    counter = energy_rapl.RaplCounter(tmp_path)
    counter.begin()
    energy.write_text(str(after))
    assert counter.end().total == pytest.approx(millijoules)


def test_no_counter_is_not_measured_and_says_what_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subject: Subject, queries: list[str]
) -> None:
    monkeypatch.setattr(power, "open_counter", lambda: energy_rapl.RaplCounter(tmp_path))
    measured = power.power(subject, queries)
    assert isinstance(measured, NotMeasured) and "Apple silicon" in measured.reason and measured.unit == "mW"


def test_a_counter_that_stands_still_is_no_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subject: Subject, queries: list[str]
) -> None:
    rapl(tmp_path, 5000)
    monkeypatch.setattr(power, "open_counter", lambda: energy_rapl.RaplCounter(tmp_path))
    measured = power.power(subject, queries, windows=1, seconds=0.15)
    assert isinstance(measured, NotMeasured) and "does not see this work" in measured.reason


# --- conditions and host

BURN = "import time\nwhile time.process_time() < {}: sum(range(10000))"  # seconds of CPU time, however busy the machine


def test_a_neighbour_that_computes_breaks_the_conditions_of_a_timing_not_of_memory() -> None:
    orphan = (f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {BURN.format(60)!r}],"
              "start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid)")
    pid = int(subprocess.run([sys.executable, "-c", orphan], capture_output=True, text=True, check=True).stdout)
    neighbour = psutil.Process(pid)
    try:
        with watch("timing") as timing, watch("memory") as resident:
            subprocess.run([sys.executable, "-c", BURN.format(1)], check=True)
    finally:
        neighbour.kill()
    assert timing.facts["other_cores"] > conditions.BUSY_CORES and "other processes used" in timing.broken
    assert "other processes" not in resident.broken


def test_the_work_of_ones_own_children_is_not_a_neighbours() -> None:
    before = conditions._own_seconds()
    ended = subprocess.run([sys.executable, "-c", BURN.format(0.5)], check=True)
    living = subprocess.Popen([sys.executable, "-c", BURN.format(0.6) + "\nprint(flush=True)\ninput()"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        living.stdout.readline()
        mine = conditions._own_seconds() - before
    finally:
        living.kill()
        living.communicate()
    assert ended.returncode == 0 and mine > 0.9


@pytest.mark.parametrize(("fact", "word"), [
    ({"other_cores": 0.3}, "0.30 cores"), ({"on_battery": True}, "battery"), ({"low_power_mode": True}, "low power"),
    ({"throttled": "CPU_Speed_Limit=60"}, "CPU_Speed_Limit=60"), ({"other_cores": 0.25}, ""),
    ({"on_battery": None}, ""), ({"thermal_pressure": "moderate"}, "thermal pressure (moderate)"),
    ({"thermal_pressure": "nominal"}, ""),
])
def test_each_broken_condition_is_told_in_words(fact: dict, word: str) -> None:
    fine = {"other_cores": 0.0, "on_battery": False, "low_power_mode": False, "throttled": "", "thermal_pressure": None}
    told = list(conditions._speed_rules({**fine, **fact}))
    assert len(told) == bool(word) and word in "".join(told)


@pytest.mark.parametrize(("chip", "expected"), [
    ("Apple M4", True), ("Apple M4 Pro", True), ("Apple M4 Max", True), ("Apple M3", False), ("Apple M40", False),
    ("Apple M4 (Virtual)", False), ("AMD EPYC", False), ("", False),
])
def test_an_m4_is_told_from_its_likes(chip: str, expected: bool) -> None:
    assert is_m4(chip) is expected


def test_host_classes_tell_machines_apart() -> None:
    assert host_class("Darwin", "arm64", 10, "Apple M4") == "darwin-arm64-10c-Apple M4"
    assert host_class("Darwin", "arm64", 10, "Apple M4") != host_class("Darwin", "arm64", 14, "Apple M4 Pro")
    host = describe_host()
    assert host["host_class"].startswith(host["system"].lower()) and "onnxruntime" in host["libraries"]


def test_the_light_meters_import_no_torch() -> None:
    names = ", ".join(f"pipeline.measure.{file.stem}" for file in Path(child_module.__file__).parent.glob("*.py")
                      if file.stem != "__init__")
    check = f"import sys, {names}; sys.exit(bool({{'torch', 'transformers'}} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", check], check=True, cwd=Path(child_module.__file__).parents[2])


def test_building_the_tiny_subject_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    one, two = tiny.build(tmp_path / "1"), tiny.build(tmp_path / "2")
    assert (one.model / "model.onnx").read_bytes() == (two.model / "model.onnx").read_bytes()
