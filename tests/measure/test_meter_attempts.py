"""A meter tries again when the conditions were broken, and takes more samples until they settle; neither without an end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.measure import attempts, conditions, power
from pipeline.measure import latency as latency_module
from pipeline.measure.attempts import ATTEMPTS, undisturbed
from pipeline.measure.cold_start import cold_start
from pipeline.measure.conditions import conditions_of
from pipeline.measure.energy import Reading
from pipeline.measure.latency import LOOKS, client_decision, latency, order
from pipeline.measure.machine_state import MachineState
from pipeline.measure.measurement import Measurement, Sample
from pipeline.measure.memory import memory
from pipeline.measure.speedup import speedup
from pipeline.measure.subject import Subject

METERS: dict[str, Callable[[Subject, list[str]], Measurement]] = {
    "latency": lambda subject, queries: latency(subject, queries, warmup=1, rounds=3),
    "client": lambda subject, queries: client_decision(subject, queries, warmup=1, rounds=3),
    "speedup": lambda subject, queries: speedup(subject, subject, queries, warmup=1, rounds=3),
    "cold start": lambda subject, queries: cold_start(subject, queries[0], repeats=1),
    "power": lambda subject, queries: power.power(subject, queries, windows=1, seconds=0.12),
    "memory": lambda subject, queries: memory(subject, queries, definition="peak_rss", repeats=1, decisions=2),
}
TRIES_THE_LOCK = """
import fcntl, os, sys
room = os.open(os.path.join(os.environ["EDGE_MEASURE_LOCK"], "room"), os.O_RDWR)
try:
    fcntl.flock(room, fcntl.LOCK_SH | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit(7)
"""


class Machine:
    """On battery in the first ``broken`` attempts, and swapping in them too; otherwise fit to be measured on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, broken: int) -> None:
        self.left, self.swapped = 2 * broken, 0
        monkeypatch.setattr(conditions, "BUSY_CORES", float("inf"))
        monkeypatch.setattr(conditions, "read_state", self.state)
        monkeypatch.setattr(conditions.psutil, "swap_memory", self.swap)

    def state(self) -> MachineState:
        self.left -= 1
        return MachineState(on_battery=self.left >= 0)

    def swap(self) -> object:
        self.swapped += 10**6 * (self.left >= 0)
        return type("swap", (), {"sout": self.swapped})


class Steady:
    """An energy counter that sees far more in every second window, the busy one, than in the idle one before it."""

    source, windows = "planted", 0

    def begin(self) -> None:
        self.windows += 1
        self.started = time.perf_counter()

    def end(self) -> Reading:
        return Reading(self.source, {"package": 10.0 if self.windows % 2 else 1e5}, time.perf_counter() - self.started)


@pytest.fixture(autouse=True)
def planted_counter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power, "open_counter", Steady)


@pytest.mark.parametrize("meter", METERS)
@pytest.mark.parametrize("broken", [0, 2, 3])
def test_every_meter_tries_again_while_the_conditions_are_broken(
    monkeypatch: pytest.MonkeyPatch, subject: Subject, queries: list[str], meter: str, broken: int
) -> None:
    Machine(monkeypatch, broken)
    measured = METERS[meter](subject, queries)
    told = measured.conditions["attempts"]
    assert told["taken"] == min(broken + 1, ATTEMPTS) == len(told["thrown_away"]) + 1
    assert all("battery" in reason or "swapped" in reason for reason in told["thrown_away"])
    assert bool(measured.invalid) == (broken == ATTEMPTS) == ("tried 3 times" in measured.invalid)


@pytest.mark.parametrize("meter", METERS)
def test_every_meter_has_the_machine_to_itself(
    monkeypatch: pytest.MonkeyPatch, subject: Subject, queries: list[str], meter: str
) -> None:
    """Another process asks for a share while the conditions are looked at, before the measuring and after it."""
    asked: list[int] = []

    def state() -> MachineState:
        asked.append(subprocess.run([sys.executable, "-c", TRIES_THE_LOCK], check=False).returncode)
        return MachineState()

    monkeypatch.setattr(conditions, "read_state", state)
    monkeypatch.setattr(conditions, "BUSY_CORES", float("inf"))
    METERS[meter](subject, queries)
    assert asked == [7, 7]
    assert subprocess.run([sys.executable, "-c", TRIES_THE_LOCK], check=False).returncode == 0


def test_the_values_of_a_broken_attempt_are_thrown_away_whatever_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    Machine(monkeypatch, broken=1)
    figures = iter([1.0, 99.0])
    result, seen = undisturbed("timing", lambda: next(figures))
    assert result == 99.0 and conditions_of(seen)["attempts"]["taken"] == 2 and not seen.broken


def test_a_meter_that_fails_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    Machine(monkeypatch, broken=9)
    calls: list[int] = []
    with pytest.raises(ZeroDivisionError):
        undisturbed("timing", lambda: calls.append(1) or 1 / 0)
    assert len(calls) == 1 and attempts.THIS_MACHINE._held == ""


# --- taking more until it is settled

@pytest.mark.parametrize(("settles_at", "expected", "looked"), [(5, 5, [5]), (10, 10, [5, 10]), (99, 20, [5, 10])])
def test_latency_is_extended_until_it_is_settled_or_was_looked_at_often_enough(
    monkeypatch: pytest.MonkeyPatch, subject: Subject, queries: list[str], settles_at: int, expected: int, looked: list[int]
) -> None:
    Machine(monkeypatch, broken=0)
    sizes: list[int] = []

    def settled(sample: Sample) -> bool:
        sizes.append(len(sample.values))
        assert (sample.metric, sample.unit, sample.looks) == ("latency", "ms", LOOKS)
        return len(sample.values) >= settles_at

    measured = latency(subject, queries, warmup=1, rounds=5, settled=settled)
    assert len(measured.values) == expected and sizes == looked and measured.looks == LOOKS


def test_latency_is_not_extended_beyond_its_budget_nor_without_being_asked(
    monkeypatch: pytest.MonkeyPatch, subject: Subject, queries: list[str]
) -> None:
    Machine(monkeypatch, broken=0)
    measured = latency(subject, queries, warmup=1, rounds=5, settled=lambda sample: False, budget=0.0)
    assert len(measured.values) == 5 and measured.looks == LOOKS
    measured = latency(subject, queries, warmup=1, rounds=5)
    assert len(measured.values) == 5 and measured.looks == 1


@given(st.integers(1, 40), st.integers(1, LOOKS))
def test_an_extension_goes_on_with_the_queries_where_the_sample_ended(rounds: int, settles_after: int) -> None:
    counter: Iterator[int] = iter(range(10**6))
    looked: list[int] = []
    sample = latency_module._look_by_look(
        Sample("latency", "ms"), lambda count: [float(next(counter)) for _ in range(count)], rounds,
        lambda sample: looked.append(1) or len(looked) >= settles_after, budget=float("inf"))
    assert sample.values == [float(i) for i in range(rounds * 2 ** (settles_after - 1))]
    assert order(["a", "b", "c"], rounds) == order(["a", "b", "c"], 4 * rounds)[:rounds]
