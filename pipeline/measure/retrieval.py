"""Whether the course file that a question asks for is found, and how far down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import mean
from typing import Any, Protocol

from pipeline.data.assistant.resource import Resource
from pipeline.data.assistant.sample import Sample
from pipeline.data.assistant.tasks import COURSE_RESOURCE
from pipeline.data.assistant.truth import matches
from pipeline.errors import EdgeError
from pipeline.measure.measurement import Proportion
from pipeline.measure.measurement import Sample as Times
from pipeline.measure.waiting import waiting

DEPTHS = (1, 3, 5)
SHOWN = 20


class HasPath(Protocol):
    @property
    def path(self) -> str: ...


Find = Callable[[str], Sequence[HasPath]]
"""A question -> the files found, best first, at least `DEPTHS`[-1] of them where there are so many."""


def retrieval(find: Find, samples: Iterable[Sample], resources: Iterable[Resource], artifacts: Mapping[str, str] = {}) -> Proportion:
    """1 a question whose first file is all that the question states: accuracy at 1.

    Only samples of course_resource count.  A file that is none of ``resources`` is wrong.
    details: ``recall`` k -> share of questions with a right file among the first k, ``mrr`` (mean of 1 / rank of the first right
    file, 0 beyond the deepest k), ``wrong`` (the first 20: query, expected, the paths found).
    """
    asked = [sample for sample in samples if sample.task_type == COURSE_RESOURCE]
    if not asked:
        raise EdgeError("expected questions for course files, found none; generate assistant data with some")
    by_path = {resource.path: resource for resource in resources}
    paths = [[one.path for one in find(sample.query)][:DEPTHS[-1]] for sample in asked]
    ranks = [_rank(found, sample.expected, by_path) for found, sample in zip(paths, asked, strict=True)]
    wrong = [{"query": sample.query, "expected": sample.expected, "found": found}
             for sample, found, rank in zip(asked, paths, ranks, strict=True) if rank != 1]
    return Proportion(
        metric="retrieval",
        unit="proportion",
        artifacts=dict(artifacts),
        conditions={"resources": len(by_path)},
        details={
            "recall": {str(k): mean(int(rank is not None and rank <= k) for rank in ranks) for k in DEPTHS},
            "mrr": mean(1 / rank if rank else 0.0 for rank in ranks),
            "wrong": wrong[:SHOWN],
            "wrong_count": len(wrong),
        },
        outcomes=[int(rank == 1) for rank in ranks],
        items=[sample.query for sample in asked],
    )


def retrieval_time(answer: Callable[[str], object], samples: Iterable[Sample], size: int) -> Times:
    """`waiting` for the answers to questions for course files among ``size`` of them, from the words to the reply."""
    asked = [sample.query for sample in samples if sample.task_type == COURSE_RESOURCE]
    return waiting("retrieval_time", answer, asked, items=size)


def _rank(found: Sequence[str], expected: Mapping[str, Any], by_path: Mapping[str, Resource]) -> int | None:
    right = (place for place, path in enumerate(found, start=1) if path in by_path and matches(expected, by_path[path]))
    return next(right, None)
