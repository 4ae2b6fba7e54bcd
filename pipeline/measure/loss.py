"""What a candidate loses against its reference on the same queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.measure.decisions import Decisions, paired_artifacts, queries_of
from pipeline.measure.measurement import Paired


def paired_accuracy(reference: Decisions, candidate: Decisions, records: Sequence[Mapping[str, Any]]) -> Paired:
    """1 = right, a record and a side.  details: the flipped queries, ``lost`` (right to wrong) and ``gained``."""
    before, after = reference.right(records), candidate.right(records)
    flips = list(zip(records, before, after, strict=True))
    return Paired(
        metric="accuracy_loss",
        unit="points",
        artifacts=paired_artifacts(reference.artifacts, candidate.artifacts),
        conditions={"reference": dict(reference.conditions), "candidate": dict(candidate.conditions)},
        details={
            "lost": [_flip(reference, candidate, record) for record, b, a in flips if b and not a],
            "gained": [_flip(reference, candidate, record) for record, b, a in flips if a and not b],
        },
        reference=before,
        candidate=after,
        items=queries_of(records),
    )


def _flip(reference: Decisions, candidate: Decisions, record: Mapping[str, Any]) -> dict[str, Any]:
    query = record["query"]
    return {
        "query": query,
        "expected": record["intent"],
        "reference": reference.of(query).intent,
        "candidate": candidate.of(query).intent,
    }
