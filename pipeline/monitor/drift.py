"""Whether a served model still decides as in its reference window: its latency, its confidence, and the mix of its intents.

Decisions are looked at in windows one after another, short ones for what breaks at once and long ones for what creeps.  Each window is
one two-sample test that needs no distribution (`pipeline.verdict.two_samples`), at a level proportional to its length.  So by the
linearity of expectation the expected number of false alarms is at most what was asked for, whatever the windows share, as long as
decisions are exchangeable with the reference's.  Latencies are not where a machine is busy in bursts: a reference that shows it makes
each of them count for less (`lump`).
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from scipy.stats import chi2

from pipeline.errors import EdgeError
from pipeline.monitor.decisions import Decision
from pipeline.monitor.finding import Stream
from pipeline.monitor.window import Window
from pipeline.verdict.two_samples import exceedances_p, shares_p, smirnov_p

WINDOWS = (64, 256, 1024, 4096)  # decisions
EVERY = 100_000  # decisions, of which the rate of false alarms is told
BATCH = 50  # latencies, longer than bursts are meant to be
RATE = 1.0  # false alarms in `EVERY`, all streams and windows together


@dataclass(frozen=True)
class Alarm:
    """at: after how many decisions; stream: latency, slowest, confidence or intents; window: decisions looked at."""

    at: int
    stream: Stream
    window: int
    p: float
    says: str


class Watch:
    """Hears decisions one by one, and tells where they left the reference.

    rate: false alarms to expect in 100,000 decisions while nothing changes: the average run between two is 100,000 / rate.
    seen: decisions so far; alarms: of each stream.
    """

    def __init__(self, reference: Window, rate: float = RATE) -> None:
        if not 0 < rate <= 100:
            raise EdgeError(f"expected a rate of false alarms above 0 and at most 100 in {EVERY:,} decisions, found {rate:g}; correct it")
        self._streams = _streams(reference)
        self._levels = {size: rate * size / EVERY / len(WINDOWS) / len(self._streams) for size in WINDOWS}
        self._recent: deque[Decision] = deque(maxlen=max(WINDOWS))
        self.seen = 0
        self.alarms: dict[Stream, int] = dict.fromkeys(self._streams, 0)

    def observe(self, decision: Decision) -> list[Alarm]:
        """The alarms of the windows that end with this decision."""
        self._recent.append(decision)
        self.seen += 1
        return [alarm for size in WINDOWS if self.seen % size == 0 for alarm in self._look(size)]

    def follow(self, decisions: Iterable[Decision]) -> Iterator[Alarm]:
        """The alarms of many."""
        for decision in decisions:
            yield from self.observe(decision)

    def _look(self, size: int) -> Iterator[Alarm]:
        window = list(islice(self._recent, len(self._recent) - size, None))
        for stream, test in self._streams.items():
            p, says = test(window)
            if p < self._levels[size]:
                self.alarms[stream] += 1
                yield Alarm(self.seen, stream, size, p, f"{stream}: {says}, of the last {size}")


Test = Callable[[Sequence[Decision]], tuple[float, str]]


def _streams(reference: Window) -> dict[Stream, Test]:
    return {"latency": _slower(reference, 0.5), "slowest": _slower(reference, 0.95), "confidence": _confidence(reference),
            "intents": _intents(reference)}


def _slower(reference: Window, quantile: float) -> Test:
    """More decisions than there should be are slower than a quantile of the reference."""
    m = len(reference.milliseconds)
    limit = sorted(reference.milliseconds)[math.ceil(quantile * m) - 1]
    size = lump([took > limit for took in reference.milliseconds])
    rank, alone = math.ceil(quantile * m / size), math.ceil(m / size)

    def test(window: Sequence[Decision]) -> tuple[float, str]:
        slower, n = sum(one.ms > limit for one in window), len(window)
        says = f"{slower / n:.0%} took longer than {limit:.3g} ms, {1 - quantile:.0%} did in the reference"
        return exceedances_p(int(slower / size), max(1, int(n / size)), rank, alone), says

    return test


def lump(outcomes: Sequence[bool]) -> float:
    """How many outcomes in a row tell as much as one that is independent, from the variance of the means of batches (Schmeiser 1982).

    1 where that variance is no larger than chance makes it in nine of ten, else its upper bound at 95 %: that errs towards fewer alarms.
    """
    values = np.asarray(outcomes, float)
    batches = len(values) // BATCH
    means = values[:batches * BATCH].reshape(batches, BATCH).mean(axis=1)
    ratio, free = BATCH * means.var(ddof=1) / max(values.var(), 1e-12), batches - 1
    return float(ratio * free / chi2.ppf(0.05, free)) if ratio * free > chi2.ppf(0.9, free) else 1.0


def _confidence(reference: Window) -> Test:
    """Another distribution of the confidence, in any way."""
    before = np.asarray(reference.confidences)

    def test(window: Sequence[Decision]) -> tuple[float, str]:
        now = np.asarray([one.confidence for one in window])
        distance, p = smirnov_p(before, now)
        return p, f"{now.mean():.3f} on average, {before.mean():.3f} in the reference; their distributions differ by {distance:.2f}"

    return test


def _intents(reference: Window) -> Test:
    """Another share of some label; one that the reference never saw is a label too."""
    before, n_before = reference.labels, len(reference.milliseconds)

    def test(window: Sequence[Decision]) -> tuple[float, str]:
        now = Counter(one.label for one in window)
        labels = sorted({*before, *now})
        every = shares_p([before.get(label, 0) for label in labels], [now[label] for label in labels])
        place = int(np.argmin(every))
        label = labels[place]
        return float(every[place]), (f"{label} is {now[label] / len(window):.0%} of the decisions, "
                                     f"{before.get(label, 0) / n_before:.0%} in the reference")

    return test
