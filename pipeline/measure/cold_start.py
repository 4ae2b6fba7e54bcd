"""How long from starting the process to its first answer."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

from pipeline.measure.attempts import undisturbed
from pipeline.measure.child import TIMEOUT, Child, opening, ran_as
from pipeline.measure.conditions import conditions_of
from pipeline.measure.measurement import Sample
from pipeline.measure.subject import Subject

REPEATS = 5


def cold_start(subject: Subject, query: str, *, repeats: int = REPEATS, timeout: float = TIMEOUT) -> Sample:
    """Milliseconds from process start to the first parsed answer, as its parent sees them; a process a repeat.

    One uncounted start comes first, so byte code is compiled and the files are in the page cache: this is a restart,
    not the first start after boot.  details: ``split`` {interpreter, imports, load, decision, reply}, lists in ms.
    """
    def measure() -> list[dict[str, Any]]:
        _start(subject, query, timeout)
        return [_start(subject, query, timeout) for _ in range(repeats)]

    runs, seen = undisturbed("timing", measure)
    return Sample(
        metric="cold_start",
        unit="ms",
        artifacts=dict(subject.artifacts),
        conditions={**runs[0]["ran"], "page_cache": "warm", **conditions_of(seen)},
        details={"split": {name: [run["split"][name] for run in runs] for name in runs[0]["split"]}},
        invalid=seen.broken,
        values=[run["total"] for run in runs],
    )


def _start(subject: Subject, query: str, timeout: float) -> dict[str, Any]:
    with Child(subject.name, subject.threads, timeout) as child:
        child.tell({"do": "open", **opening(subject)})
        child.tell({"do": "decide", "queries": [query]})
        opened = child.hear()
        decided = child.hear()["marks"]["decided"]
        heard = time.perf_counter_ns()
    marks = opened["marks"]
    points = [child.started, marks["main"], marks["imported"], marks["opened"], decided, heard]
    steps = [(after - before) / 1e6 for before, after in pairwise(points)]
    split = dict(zip(["interpreter", "imports", "load", "decision", "reply"], steps, strict=True))
    return {"total": (heard - child.started) / 1e6, "split": split, "ran": ran_as(opened)}
