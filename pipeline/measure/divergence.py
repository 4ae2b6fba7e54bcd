"""How far a candidate's probabilities are from the original's, even where both decide the same."""

from __future__ import annotations

import numpy as np

from pipeline.measure.decisions import Decisions, check_same_queries, paired_artifacts
from pipeline.measure.measurement import Sample


def divergence(reference: Decisions, candidate: Decisions) -> Sample:
    """KL(reference || candidate) of the labels' probabilities in nats, one value a query (Kullback and Leibler 1951).

    The probabilities are those that are served: softmax(logits / temperature), each side by its own.  Both must have decided
    the same queries with the same labels, else EdgeError.  details: ``mean`` and ``largest``.
    """
    check_same_queries(reference, candidate)
    p, q = (_log_probabilities(side, reference.queries) for side in (reference, candidate))
    values = np.maximum((np.exp(p) * (p - q)).sum(axis=1), 0.0)  # rounding alone takes it below
    return Sample(
        metric="divergence",
        unit="nats",
        artifacts=paired_artifacts(reference.artifacts, candidate.artifacts),
        conditions={role: {**side.conditions, "temperature": side.temperature}
                    for role, side in (("reference", reference), ("candidate", candidate))},
        details={"mean": float(values.mean()), "largest": float(values.max())},
        values=values.tolist(),
    )


def _log_probabilities(decisions: Decisions, queries: list[str]) -> np.ndarray:
    """[queries, labels], finite where a probability itself would be 0."""
    scaled = np.asarray([decisions.of(query).logits for query in queries]) / decisions.temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    return scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
