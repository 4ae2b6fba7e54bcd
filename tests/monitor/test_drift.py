"""What changes is told, soon and by its name; what does not is not told more often than was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.drift.simulate import World, decisions, delay, drawn, false_alarms
from pipeline.errors import EdgeError
from pipeline.monitor import drift
from pipeline.monitor.decisions import Decision
from pipeline.monitor.drift import Watch, lump
from pipeline.monitor.window import Window


@pytest.fixture
def dice() -> np.random.Generator:
    return np.random.default_rng(11)


def test_there_are_no_more_false_alarms_than_stated(dice: np.random.Generator) -> None:
    """20 in 100,000, so 16 in these 80,000, of which a Poisson's 99.9 % is 30."""
    assert sum(false_alarms(World(), 20_000, 1000, 20.0, dice) for _ in range(4)) <= 30


@pytest.mark.parametrize(("world", "stream", "within"), [
    (World(faster=1.5), "latency", 192), (World(slow=0.2), "slowest", 512), (World(sure=3.0), "confidence", 192),
    (World(weather=0.8), "intents", 384)])
def test_a_planted_change_is_told_by_its_name_and_soon(world: World, stream: str, within: int, dice: np.random.Generator) -> None:
    watch = Watch(drawn(World(), 2000, dice))
    alarm = next(watch.follow(decisions(world, within, dice)), None)
    assert alarm is not None and alarm.stream == stream and alarm.says.startswith(f"{stream}: ")


def test_a_creeping_change_is_seen_by_the_long_windows(dice: np.random.Generator) -> None:
    assert (delay(World(faster=1.06), 8192, 2000, 1.0, dice) or 9999) <= 4096


def test_a_label_that_the_reference_never_saw_is_told(dice: np.random.Generator) -> None:
    watch = Watch(drawn(World(), 1000, dice))
    strange = [one if place % 3 else Decision(one.at, one.ms, one.confidence, "injected")
               for place, one in enumerate(decisions(World(), 64, dice))]
    assert any("injected is 34% of the decisions, 0% in the reference" in alarm.says for alarm in watch.follow(strange))


def test_bursts_of_a_busy_machine_count_for_less(dice: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = lump(dice.random(2000) < 0.5)
    bursts = lump(np.repeat(dice.random(200) < 0.5, 10).tolist())
    assert alone < 2 and 8 < bursts < 25
    monkeypatch.setattr(drift, "lump", lambda outcomes: 1.0)
    plain = false_alarms(World(burst=0.9), 16_384, 2000, 1.0, np.random.default_rng(1))
    monkeypatch.undo()
    assert plain > 20 and false_alarms(World(burst=0.9), 16_384, 2000, 1.0, np.random.default_rng(1)) < plain / 10


@pytest.mark.parametrize("rate", [0.0, -1.0, 101.0, float("nan")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    window = Window(milliseconds=[1.0] * 500, confidences=[0.5] * 500, labels={"a": 500})
    with pytest.raises(EdgeError, match="expected a rate of false alarms above 0 and at most 100 in 100,000 decisions"):
        Watch(window, rate)


def test_a_reference_that_never_varies_alarms_for_nothing_that_stays_so() -> None:
    watch = Watch(Window(milliseconds=[1.0] * 500, confidences=[1.0] * 500, labels={"a": 500}))
    assert list(watch.follow([Decision(0.0, 1.0, 1.0, "a")] * 4096)) == []
