"""How far two models decide alike, whatever is right."""

from __future__ import annotations

from pipeline.measure.decisions import Decisions, check_same_queries, paired_artifacts
from pipeline.measure.measurement import Proportion

SHOWN = 50


def agreement(reference: Decisions, candidate: Decisions) -> Proportion:
    """1 a query on which both decide the same intent; both must have decided the same queries with the same labels.

    details: ``largest_logit_difference`` and ``mean_logit_difference`` (absolute, over all labels of all queries),
    ``disagreements`` (the first 50 queries), ``disagreement_count``.
    """
    check_same_queries(reference, candidate)
    pairs = [(query, reference.of(query), candidate.of(query)) for query in reference.queries]
    outcomes = [int(a.intent == b.intent) for _, a, b in pairs]
    gaps = [abs(x - y) for _, a, b in pairs for x, y in zip(a.logits, b.logits, strict=True)]
    apart = [{"query": query, "reference": a.intent, "candidate": b.intent} for query, a, b in pairs
             if a.intent != b.intent]
    return Proportion(
        metric="agreement",
        unit="proportion",
        artifacts=paired_artifacts(reference.artifacts, candidate.artifacts),
        conditions={"reference": dict(reference.conditions), "candidate": dict(candidate.conditions)},
        details={
            "largest_logit_difference": max(gaps, default=None),
            "mean_logit_difference": sum(gaps) / len(gaps) if gaps else None,
            "disagreements": apart[:SHOWN],
            "disagreement_count": len(apart),
        },
        outcomes=outcomes,
        items=list(reference.queries),
    )
