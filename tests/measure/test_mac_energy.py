"""Energy of a Mac part by part: recorded answers of its tools, every way they break, and what becomes of them in the meter."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.measure import energy, energy_powermetrics, host, power
from pipeline.measure.energy import NoCounter, Reading, open_counter
from pipeline.measure.energy_powermetrics import PowermetricsCounter, parse_sample
from pipeline.measure.energy_zeus import ZeusCounter
from pipeline.measure.measurement import NotMeasured, Sample
from pipeline.measure.subject import Subject

RECORDING = Path(__file__).parent / "recorded" / "powermetrics_m4_max.plist"
SAMPLE = RECORDING.read_bytes()
PARTS = {"cpu": 1516, "gpu": 4, "ane": 0}

# --- powermetrics


def test_the_recorded_sample_of_an_m4_max() -> None:
    reading = parse_sample(SAMPLE)
    assert reading.millijoules == PARTS and reading.seconds == pytest.approx(1.016855333)
    assert reading.milliwatts["cpu"] == pytest.approx(1490.87, abs=0.01)  # what powermetrics itself says
    assert reading.milliwatts["gpu"] == pytest.approx(3.9337, abs=1e-4)


def test_without_energies_the_powers_are_taken() -> None:
    text = SAMPLE
    for part in ("cpu", "gpu", "ane"):
        text = text.replace(f"<key>{part}_energy</key>\n".encode(), f"<key>{part}_lost</key>\n".encode())
    assert parse_sample(text).milliwatts == pytest.approx({"cpu": 1490.87, "gpu": 3.9337, "ane": 0})


BROKEN = {
    "empty": b"", "html": b"<html><body>Not Found</body></html>", "truncated": SAMPLE[: len(SAMPLE) // 2], "binary": b"\x00\xff" * 50,
    "a list": b"<plist version='1.0'><array/></plist>", "no processor": SAMPLE.replace(b"<key>processor", b"<key>p"),
    "no time": SAMPLE.replace(b"elapsed_ns", b"elapsed"), "no time passed": SAMPLE.replace(b"1016855333", b"0"),
    "time as text": SAMPLE.replace(b"<integer>1016855333</integer>", b"<string>1 s</string>"),
    "no Neural Engine": SAMPLE.replace(b"ane_energy", b"a").replace(b"ane_power", b"b"),
    "negative": SAMPLE.replace(b">1516<", b">-1516<"), "huge": SAMPLE.replace(b">1516<", b">151600000000000<"),
    "beyond 64 bits": SAMPLE.replace(b">1516<", b">" + b"9" * 40 + b"<"),
    "text": SAMPLE.replace(b"<integer>1516</integer>", b"<string>1516</string>"),
    "true": SAMPLE.replace(b"<integer>1516</integer>", b"<true/>"), "nan": SAMPLE.replace(b"<integer>1516</integer>", b"<real>nan</real>"),
    "infinite": SAMPLE.replace(b"<integer>1516</integer>", b"<real>inf</real>"),
    "a decimal comma": SAMPLE.replace(b"<integer>1516</integer>", b"<real>1516,2</real>"),
    "an entity": SAMPLE.replace(b".dtd\">", b".dtd\" [<!ENTITY e \"1516\">]>", 1).replace(b">1516<", b">&e;<"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_sample_is_no_number(broken: str) -> None:
    assert BROKEN[broken] != SAMPLE
    with pytest.raises(NoCounter, match="powermetrics"):
        parse_sample(BROKEN[broken])


@given(st.integers(0, len(SAMPLE) - 10))
def test_no_beginning_of_a_sample_is_taken_for_one(length: int) -> None:
    with pytest.raises(NoCounter):
        parse_sample(SAMPLE[:length])


@given(st.binary(max_size=200), st.integers(0, len(SAMPLE)))
def test_whatever_stands_in_a_sample_it_is_a_true_reading_or_none(noise: bytes, at: int) -> None:
    try:
        reading = parse_sample(SAMPLE[:at] + noise + SAMPLE[at + len(noise):])
    except NoCounter:
        return
    assert all(0 <= value < math.inf for value in reading.millijoules.values()) and reading.seconds > 0


FAKE = """
import sys, time
sample = open({file!r}, "rb").read().replace(b"1016855333", b"20000000")  # of 20 ms
for number in range({samples}):
    time.sleep({sleep})
    sys.stdout.buffer.write((b"\\0" if number else b"") + sample)
    sys.stdout.flush()
sys.exit({last!r})
"""


def fake(samples: int = 500, sleep: float = 0.02, last: Any = 0, file: Path = RECORDING) -> tuple[str, ...]:
    """A program that says the recording again and again, as powermetrics would, then ends."""
    return (sys.executable, "-c", FAKE.format(file=str(file), samples=samples, sleep=sleep, last=last))


def test_a_window_holds_the_samples_that_fell_into_it() -> None:
    counter = PowermetricsCounter(fake())
    for _ in range(2):
        counter.begin()
        started = time.perf_counter()
        time.sleep(0.3)
        took = time.perf_counter() - started
        reading = counter.end()
        assert 0.02 < reading.seconds <= took + 0.02  # more than one of 20 ms
        assert reading.milliwatts == pytest.approx({part: value / 0.02 for part, value in PARTS.items()})


@pytest.mark.parametrize(("command", "words"), [
    (("/nowhere/sudo",), "No such file"), (fake(0, last="sudo: a password is required"), "a password is required"),
    (fake(0), "it said: nothing"), (fake(sleep=30), "within 0.5 s"), ((sys.executable, "-c", "print('<plist>x</plist>')"), "elapsed_ns")])
def test_a_powermetrics_that_does_not_run_is_no_counter(monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], words: str) -> None:
    monkeypatch.setattr(energy_powermetrics, "PATIENCE", 0.5 if "30" in command[-1] else 10.0)
    with pytest.raises(NoCounter, match=words):
        PowermetricsCounter(command)


def test_one_that_ends_or_falls_silent_within_the_window_is_no_number() -> None:
    counter = PowermetricsCounter(fake(2))
    counter.begin()
    time.sleep(0.3)
    with pytest.raises(NoCounter, match="ended in it"):
        counter.end()
    with pytest.raises(NoCounter):
        counter.end()


def test_sudo_is_never_let_to_ask() -> None:
    assert energy_powermetrics.COMMAND[:3] == ("/usr/bin/sudo", "-n", "/usr/bin/powermetrics")


# --- zeus

class Metrics(SimpleNamespace):
    """An AppleEnergyMetrics with the fields that zeus-apple-silicon 1.1 documents, of a window of an M4: millijoules, None = not told."""


TOLD = {"cpu_total_mj": 1200, "efficiency_cores_mj": [10, 11, 12, 9, 8, 7], "performance_cores_mj": [200, 210, 190, 205],
        "efficiency_cluster_mj": [80], "performance_cluster_mj": [1100], "efficiency_core_manager_mj": 4, "performance_core_manager_mj": 9,
        "dram_mj": 150, "gpu_mj": 30, "gpu_sram_mj": None, "ane_mj": 90}


@pytest.fixture
def zeus(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """zeus-apple-silicon is installed, and its windows end with these metrics, or with an exception."""

    def install(**told: Any) -> None:
        class AppleEnergyMonitor:
            def __init__(self) -> None:
                if "refuses" in told:
                    raise RuntimeError("no IOReport channels")

            def begin_window(self, label: str, restart: bool = False) -> None:
                self.label = label

            def end_window(self, label: str) -> Metrics:
                if label != self.label or "raises" in told:
                    raise RuntimeError("no window of that name")
                return Metrics(**{**TOLD, **told})

        monkeypatch.setitem(sys.modules, "zeus_apple_silicon", SimpleNamespace(AppleEnergyMonitor=AppleEnergyMonitor))

    return install


def read(counter: Any) -> Reading:
    counter.begin()
    time.sleep(0.12)
    return counter.end()


def test_zeus_tells_each_part(zeus: Callable[..., None]) -> None:
    zeus()
    assert read(ZeusCounter()).millijoules == {"cpu": 1200, "gpu": 30, "ane": 90, "dram": 150}
    zeus(dram_mj=None)  # an older chip
    assert "dram" not in read(ZeusCounter()).millijoules


@pytest.mark.parametrize("told", [
    {"ane_mj": None}, {"cpu_total_mj": None, "gpu_mj": None}, {"cpu_total_mj": -1}, {"gpu_mj": float("nan")}, {"ane_mj": 10**15},
    {"ane_mj": "90"}, {"cpu_total_mj": True}, {"gpu_mj": [1, 2]}, {"raises": True}, {"dram_mj": -5}])
def test_what_zeus_cannot_have_meant_is_no_number(zeus: Callable[..., None], told: dict[str, Any]) -> None:
    zeus(**told)
    with pytest.raises(NoCounter, match="zeus-apple-silicon"):
        read(ZeusCounter())


def test_a_mac_without_zeus_is_read_by_powermetrics_and_else_says_what_is_missing(
    zeus: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(host, "describe_host", lambda: {"virtual": False})
    monkeypatch.setattr(PowermetricsCounter.__init__, "__defaults__", (fake(),))
    zeus()
    assert open_counter().source == ZeusCounter.source
    for told in ({"refuses": True}, {"ane_mj": None}, {"raises": True}):
        zeus(**told)
        assert open_counter().source == "powermetrics"
    monkeypatch.setitem(sys.modules, "zeus_apple_silicon", None)
    monkeypatch.setattr(PowermetricsCounter.__init__, "__defaults__", (fake(0, last="sudo: a password is required"),))
    with pytest.raises(NoCounter, match="pip install zeus-apple-silicon.*password is required"):
        open_counter()


def test_a_virtual_mac_has_no_counter(zeus: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    zeus()
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(host, "describe_host", lambda: {"virtual": True})
    with pytest.raises(NoCounter, match="measure on the Mac itself"):
        open_counter()


def test_a_part_that_only_some_counters_tell_is_not_in_the_sum() -> None:
    with_dram = Reading("planted", {"cpu": 100.0, "gpu": 5.0, "ane": 20.0, "dram": 50.0}, 1.0)
    assert with_dram.total == 125 and with_dram.milliwatts["dram"] == 50


# --- a reading, and the meter

@given(st.dictionaries(st.text(max_size=3), st.one_of(st.floats(), st.integers(), st.text(), st.none(), st.booleans())), st.floats())
def test_a_reading_is_true_or_there_is_none(millijoules: dict[str, Any], seconds: float) -> None:
    try:
        reading = Reading("planted", millijoules, seconds)
    except NoCounter:
        return
    assert reading.millijoules and 0 < seconds < math.inf
    assert all(0 <= power <= energy.MOST for power in reading.milliwatts.values()) and math.isfinite(reading.total)


class Planted:
    """By turns an idle and a busy window; ``plan[i]`` the parts of window i, the last one for all that follow."""

    source = "planted"

    def __init__(self, *plan: dict[str, float], seconds: float | None = None) -> None:
        self.plan, self.seconds, self.windows = plan, seconds, 0

    def begin(self) -> None:
        self.started = time.perf_counter()

    def end(self) -> Reading:
        parts = self.plan[min(self.windows, len(self.plan) - 1)]
        self.windows += 1
        passed = time.perf_counter() - self.started
        return Reading(self.source, {part: value * passed for part, value in parts.items()}, self.seconds or passed)  # of mW


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, subject: Subject, queries: list[str]) -> Callable[..., Sample | NotMeasured]:
    def run(counter: Planted, seconds: float = 0.12) -> Sample | NotMeasured:
        monkeypatch.setattr(power, "open_counter", lambda: counter)
        return power.power(subject, queries, windows=3, seconds=seconds)

    return run


def test_power_is_busy_less_idle_part_by_part(measured: Callable[..., Sample | NotMeasured]) -> None:
    idle, busy = {"cpu": 30.0, "gpu": 5.0, "ane": 0.0}, {"cpu": 60.0, "gpu": 5.0, "ane": 80.0}
    found = measured(Planted(*[idle, busy] * 9))
    assert isinstance(found, Sample) and found.values == pytest.approx([110.0] * 3, abs=1)
    assert found.details["added_by_part"]["ane"] == pytest.approx([80.0] * 3, abs=1)
    assert found.details["added_by_part"]["gpu"] == pytest.approx([0.0] * 3, abs=1)
    assert (found.conditions["counter"], found.conditions["parts"]) == ("planted", ["ane", "cpu", "gpu"])


@pytest.mark.parametrize(("counter", "seconds", "words"), [
    (Planted({"cpu": 10.0}, {"cpu": 20.0, "ane": 5.0}), 0.12, "same parts"), (Planted({"cpu": 10.0}), 0.01, "at least 0.1 s"),
    (Planted({"cpu": 10.0}, seconds=0.001), 0.12, "0.001 s of"), (Planted({"cpu": 10.0}, seconds=60), 0.12, "60.000 s of"),
    (Planted({"cpu": 10.0}), 0.12, "does not see this work"), (Planted({"cpu": -10.0}), 0.12, "millijoules of each part"),
    (Planted({}), 0.12, "found none")])
def test_a_counter_that_cannot_be_believed_gives_no_power(
    measured: Callable[..., Sample | NotMeasured], counter: Planted, seconds: float, words: str
) -> None:
    found = measured(counter, seconds)
    assert isinstance(found, NotMeasured) and words in found.reason
