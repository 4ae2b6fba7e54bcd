"""What a trial measures, by the metric that a claim names: the meters of the acceptance run where they are quick, and quicker ones.

The quick ones look at memory once, in one process, and time decisions in turns with the original's without having the machine to
themselves, so that workers need not wait for each other: they tell recipes apart, and only a confirmation judges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipeline.measure.accuracy import accuracy
from pipeline.measure.agreement import agreement
from pipeline.measure.child import Child, ran_as, serving
from pipeline.measure.compression import size_share
from pipeline.measure.decisions import Decisions, decide_all, queries_of
from pipeline.measure.latency import order
from pipeline.measure.loss import paired_accuracy
from pipeline.measure.measurement import Measurement, PairedSample, Sample
from pipeline.measure.size import size
from pipeline.measure.subject import Subject

ASKED, WARMUP = 100, 10
"""Decisions before a process looks at its memory or that are timed, and those before them that are not."""


@dataclass(frozen=True)
class Original:
    """What trials are held against: the uncompressed model, and the tuning records with what it decides on each."""

    subject: Subject
    records: Sequence[Mapping[str, Any]]

    @cached_property
    def decided(self) -> Decisions:
        return decide_all(self.subject, queries_of(self.records))

    @cached_property
    def peak_rss(self) -> float:
        return peak_rss(self.subject, queries_of(self.records))


@dataclass(frozen=True)
class Trialled:
    """A candidate on the first ``queries`` of the original's records; each kind of work is done once, when the first metric asks for it."""

    original: Original
    subject: Subject
    queries: int

    @cached_property
    def records(self) -> Sequence[Mapping[str, Any]]:
        return self.original.records[:self.queries]

    @cached_property
    def decided(self) -> Decisions:
        return decide_all(self.subject, queries_of(self.records))

    @cached_property
    def before(self) -> Decisions:
        return self.original.decided.among(self.decided.queries)

    @cached_property
    def peak_rss(self) -> float:
        return peak_rss(self.subject, queries_of(self.original.records))

    @cached_property
    def pairs(self) -> PairedSample:
        return in_turns(self.original.subject, self.subject, queries_of(self.original.records))


def _memory(it: Trialled) -> Measurement:
    return Sample(metric="peak_rss", unit="MB", values=[it.peak_rss])


def _memory_share(it: Trialled) -> Measurement:
    return Sample(metric="memory_share", unit="proportion", values=[it.peak_rss / it.original.peak_rss])


METERS: Mapping[str, Callable[[Trialled], Measurement]] = {
    "accuracy": lambda it: accuracy(it.decided, it.records),
    "accuracy_loss": lambda it: paired_accuracy(it.before, it.decided, it.records),
    "agreement": lambda it: agreement(it.before, it.decided),
    "latency": lambda it: Sample(metric="latency", unit="ms", values=it.pairs.candidate),
    "memory_share": _memory_share,
    "peak_rss": _memory,
    "size": lambda it: size(it.subject, of="onnx"),
    "size_share": lambda it: size_share(it.original.subject, it.subject),
    "speedup": lambda it: it.pairs,
}
"""Metric -> how a trial measures it."""


def peak_rss(subject: Subject, queries: Sequence[str]) -> float:
    """MB of one fresh process that loads and answers `ASKED` queries."""
    with serving(subject) as (child, _):
        child.ask("time", queries=order(queries, ASKED))
        return float(child.ask("memory")["peak_rss"])


def in_turns(original: Subject, candidate: Subject, queries: Sequence[str]) -> PairedSample:
    """Milliseconds of the same queries by both, each first of a round in every second one."""
    plan, first = order(queries, ASKED), order(queries, WARMUP)
    with serving(original) as (slow, opened_slow), serving(candidate) as (quick, opened_quick):
        for child in (slow, quick):
            child.ask("time", queries=first)
        rounds = [_round(slow, quick, query, bool(at % 2)) for at, query in enumerate(plan)]
    return PairedSample(metric="speedup", unit="ms", reference=[pair[0] for pair in rounds], candidate=[pair[1] for pair in rounds],
                        conditions={"reference": ran_as(opened_slow), "candidate": ran_as(opened_quick), "order": "ABBA"})


def _round(slow: Child, quick: Child, query: str, swap: bool) -> tuple[float, float]:
    took = {child: float(child.ask("time", queries=[query])["milliseconds"][0]) for child in ((quick, slow) if swap else (slow, quick))}
    return took[slow], took[quick]
