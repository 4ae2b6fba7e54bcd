"""Engines that answer the same prompts in turns, each in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from pipeline.measure.conditions import watch
from pipeline.measure.machine_lock import THIS_MACHINE
from pipeline.progress import track

WARM = 2  # runs at the start of each turn that do not count: the others have had the caches since


class Asked(Protocol):
    def ask(self, do: str, **arguments: object) -> dict[str, object]: ...


@dataclass
class Answers:
    """Of one engine: ``milliseconds`` [rounds, prompts] of the rounds that count, ``logits`` [all rounds, prompts, labels]."""

    milliseconds: list[list[float]] = field(default_factory=list)
    logits: list[list[list[float]]] = field(default_factory=list)


def take_turns(workers: Mapping[str, Asked], prompts: Sequence[Sequence[int]], rounds: int,
               pause: float) -> tuple[dict[str, Answers], list[str]]:
    """Answers by engine, and why rounds were disturbed, one line a round.

    The order alternates from round to round (ABBA), and everybody rests ``pause`` seconds before each turn, longer than an idle
    thread pool spins.  A disturbed round is taken again, up to as many as were wanted; only where all were disturbed do such rounds
    count.
    """
    answers, disturbed = {name: Answers() for name in workers}, []
    spoilt: dict[str, list[list[float]]] = {name: [] for name in workers}
    with THIS_MACHINE.alone(), track("rounds", rounds) as bar:
        for order in _orders(list(workers), 2 * rounds):
            with watch("timing") as seen:
                took = {name: _turn(workers[name], answers[name], prompts, pause) for name in order}
            if seen.broken:
                disturbed.append(seen.broken)
            else:
                bar.advance()
            for name, milliseconds in took.items():
                (spoilt[name] if seen.broken else answers[name].milliseconds).append(milliseconds)
            if rounds in (len(disturbed), _counted(answers)):
                break
    if not _counted(answers):
        for name, answer in answers.items():
            answer.milliseconds = spoilt[name]
    return answers, disturbed


def agreement(answers: Answers, reference: Answers) -> tuple[float, float]:
    """The share of prompts with the reference's largest label, and the cosine of all label logits, each prompt's about its mean.

    An answer that is not a number agrees with nothing.
    """
    right = np.asarray(reference.logits[0])
    given = np.asarray(answers.logits).reshape(-1, *right.shape)
    if not np.isfinite(given).all():
        return 0.0, 0.0
    same = float((given.argmax(-1) == right.argmax(-1)).mean())
    centred = [values - values.mean(-1, keepdims=True) for values in (given, np.broadcast_to(right, given.shape))]
    lengths = [float(np.linalg.norm(values)) for values in centred]
    return same, float((centred[0] * centred[1]).sum() / (lengths[0] * lengths[1])) if all(lengths) else 0.0


def _orders(names: list[str], count: int) -> Iterator[list[str]]:
    for number in range(count):
        yield names[::-1] if number % 2 else names


def _turn(worker: Asked, answers: Answers, prompts: Sequence[Sequence[int]], pause: float) -> list[float]:
    time.sleep(pause)
    given = worker.ask("run", prompts=[list(ids) for ids in prompts], warm=WARM)
    answers.logits.append(given["logits"])
    return given["milliseconds"]


def _counted(answers: Mapping[str, Answers]) -> int:
    return min(len(answer.milliseconds) for answer in answers.values())
