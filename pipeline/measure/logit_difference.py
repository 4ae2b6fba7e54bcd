"""How far two models' logits are apart, whatever they decide."""

from __future__ import annotations

from pipeline.measure.decisions import Decisions, check_same_queries, paired_artifacts
from pipeline.measure.measurement import Sample


def logit_difference(reference: Decisions, candidate: Decisions) -> Sample:
    """The largest difference of a query's logits, one value a query; both must have decided the same queries with the same labels."""
    check_same_queries(reference, candidate)
    pairs = [(reference.of(query).logits, candidate.of(query).logits) for query in reference.queries]
    return Sample(
        metric="logit_difference", unit="logits", artifacts=paired_artifacts(reference.artifacts, candidate.artifacts),
        conditions={"reference": dict(reference.conditions), "candidate": dict(candidate.conditions)},
        values=[max(abs(x - y) for x, y in zip(a, b, strict=True)) for a, b in pairs])
