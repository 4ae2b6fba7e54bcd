"""Several models of one task measured alike: what a table of compressed ones says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.measure.accuracy import accuracy
from pipeline.measure.agreement import agreement
from pipeline.measure.decisions import decide_all, queries_of
from pipeline.measure.divergence import divergence
from pipeline.measure.in_turns import ROUNDS, latency_in_turns
from pipeline.measure.loss import paired_accuracy
from pipeline.measure.measurement import Measurement
from pipeline.measure.memory import memory
from pipeline.measure.size import size
from pipeline.measure.subject import Subject
from pipeline.progress import note

Measured = dict[str, Measurement]


@dataclass(frozen=True)
class Against:
    """What behaviour is held against: the original model, and records whose intents are known."""

    original: Subject
    records: Sequence[Mapping[str, Any]]


def measure_all(subjects: Sequence[Subject], queries: Sequence[str], against: Against | None, rounds: int = ROUNDS) -> list[Measured]:
    """Of each subject ``size``, ``memory`` (peak RSS) and ``latency``, the last in turns.

    With ``against`` also ``accuracy``, and of all but the original ``loss``, ``agreement`` and ``divergence`` from it.
    """
    found: list[Measured] = []
    for subject in subjects:
        note(f"{subject.name}: size and memory")
        found.append({"size": size(subject), "memory": memory(subject, queries, definition="peak_rss")})
    note(f"latency of {len(subjects)} in turns, {rounds} rounds")
    for measured, sample in zip(found, latency_in_turns(subjects, queries, rounds=rounds), strict=True):
        measured["latency"] = sample
    if against:
        for measured, behaviour in zip(found, _behaviour(subjects, against), strict=True):
            measured.update(behaviour)
    return found


def _behaviour(subjects: Sequence[Subject], against: Against) -> list[Measured]:
    queries = queries_of(against.records)
    reference = decide_all(against.original, queries)
    found = []
    for subject in subjects:
        if subject == against.original:
            found.append({"accuracy": accuracy(reference, against.records)})
            continue
        decided = decide_all(subject, queries)
        found.append({
            "accuracy": accuracy(decided, against.records), "loss": paired_accuracy(reference, decided, against.records),
            "agreement": agreement(reference, decided), "divergence": divergence(reference, decided)})
    return found
