"""Decisions as a served classifier makes them, and planted changes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.monitor.decisions import Decision
from pipeline.monitor.drift import Watch
from pipeline.monitor.window import Window, window_of

LABELS = ("weather_query", "time_query", "simple_qa", "complex_reasoning", "knowledge_qa", "open_chat")
MIX = np.array([0.28, 0.2, 0.17, 0.15, 0.12, 0.08])
MEDIAN, SPREAD = 6.0, 0.25  # ms and log; and of the decisions `SLOW` take `TIMES` as long
SLOW, TIMES = 0.02, 4.0


@dataclass(frozen=True)
class World:
    """What may change: the median latency, the share of slow decisions, confidence (a beta's first parameter) and the mix."""

    faster: float = 1.0
    slow: float = SLOW
    sure: float = 9.0
    weather: float = 0.0
    burst: float = 0.0


def decisions(world: World, n: int, dice: np.random.Generator) -> list[Decision]:
    """``n`` decisions.  Confidences are rounded and pile up at 1, as real ones do; burst: correlation of one latency with the next."""
    noise = dice.standard_normal(n)
    for place in range(1, n if world.burst else 0):
        noise[place] = world.burst * noise[place - 1] + np.sqrt(1 - world.burst ** 2) * noise[place]
    slow = np.where(dice.random(n) < world.slow, TIMES, 1.0)
    took = MEDIAN * world.faster * np.exp(SPREAD * noise) * slow
    sure = np.minimum(np.round(dice.beta(world.sure, 1.0, n), 3), 1.0)
    mix = MIX.copy()
    mix[0] += world.weather
    names = dice.choice(len(LABELS), n, p=mix / mix.sum())
    return [Decision(0.0, float(ms), float(confidence), LABELS[name]) for ms, confidence, name in zip(took, sure, names, strict=True)]


def false_alarms(world: World, n: int, reference: int, rate: float, dice: np.random.Generator) -> int:
    """Alarms in ``n`` decisions of the same world as their reference."""
    return sum(1 for _ in Watch(drawn(world, reference, dice), rate).follow(decisions(world, n, dice)))


def delay(world: World, most: int, reference: int, rate: float, dice: np.random.Generator,
          draw: Callable[[World, int, np.random.Generator], list[Decision]] = decisions) -> int | None:
    """After how many decisions of a changed world the first alarm comes; None for none in ``most``."""
    watch = Watch(drawn(World(), reference, dice), rate)
    return next((alarm.at for alarm in watch.follow(draw(world, most, dice))), None)


def drawn(world: World, n: int, dice: np.random.Generator) -> Window:
    return window_of(decisions(world, n, dice))
