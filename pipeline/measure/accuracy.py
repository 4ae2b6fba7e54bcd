"""Share of queries whose intent was recognised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.measure.decisions import Decisions, queries_of
from pipeline.measure.measurement import Proportion

SHOWN = 50


def accuracy(decisions: Decisions, records: Sequence[Mapping[str, Any]]) -> Proportion:
    """1 a record whose ``intent`` was decided.

    details: ``intents`` and ``confusion`` [expected][found] in their order, ``recall`` by intent, ``wrong`` (the first
    50 queries), ``wrong_count``.
    """
    outcomes = decisions.right(records)
    wrong = [record for record, right in zip(records, outcomes, strict=True) if not right]
    intents, confusion = intent_confusion(decisions, records)
    rows = zip(intents, confusion, strict=True)
    return Proportion(
        metric="accuracy",
        unit="proportion",
        artifacts=dict(decisions.artifacts),
        conditions=dict(decisions.conditions),
        details={
            "intents": intents,
            "confusion": confusion,
            "recall": {name: row[i] / sum(row) for i, (name, row) in enumerate(rows) if sum(row)},
            "wrong": [_as_wrong(decisions, record) for record in wrong[:SHOWN]],
            "wrong_count": len(wrong),
        },
        outcomes=outcomes,
        items=queries_of(records),
    )


def intent_confusion(
    decisions: Decisions, records: Sequence[Mapping[str, Any]]
) -> tuple[list[str], list[list[int]]]:
    """The intents, those the model does not know last, and counts [expected][found] in their order."""
    pairs = Counter((record["intent"], decisions.of(record["query"]).intent) for record in records)
    unknown = {intent for pair in pairs for intent in pair} - set(decisions.labels)
    order = [*decisions.labels, *sorted(unknown)]
    return order, [[pairs[expected, found] for found in order] for expected in order]


def _as_wrong(decisions: Decisions, record: Mapping[str, Any]) -> dict[str, Any]:
    found = decisions.of(record["query"])
    return {
        "query": record["query"], "expected": record["intent"], "found": found.intent, "confidence": found.confidence,
    }
