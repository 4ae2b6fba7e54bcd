"""Whether a confidence of 0.9 is right nine times in ten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.errors import EdgeError
from pipeline.measure.decisions import Decisions, some
from pipeline.measure.measurement import Exact
from pipeline.runtime.decision import softmax

Records = Sequence[Mapping[str, Any]]
RESAMPLES = 1000


def expected_calibration_error(decisions: Decisions, records: Records, bins: int = 10, seed: int = 0) -> Exact:
    """Mean gap between confidence and accuracy over equal-width bins, weighted by their size (Guo et al. 2017).

    details: ``bins`` [{low, high, n, confidence, accuracy}] for a reliability diagram, ``n``, ``nll``, ``brier``, and
    ``interval``, the 95 % percentile bootstrap.  The estimate is biased upwards on few records, so is the interval.
    """
    confidence, right = _arrays(decisions, records)
    rows = np.random.default_rng(seed).integers(0, len(right), size=(RESAMPLES, len(right)))
    low, high = np.quantile([_gap(confidence[row], right[row], bins) for row in rows], [0.025, 0.975])
    return Exact(
        metric="expected_calibration_error",
        unit="proportion",
        artifacts=dict(decisions.artifacts),
        conditions={**decisions.conditions, "temperature": decisions.temperature},
        details={
            "n": len(right),
            "bins": _bins(confidence, right, bins),
            "interval": {"level": 0.95, "low": float(low), "high": float(high), "resamples": RESAMPLES, "seed": seed},
            "nll": negative_log_likelihood(decisions, records),
            "brier": brier(decisions, records),
        },
        value=_gap(confidence, right, bins),
    )


def negative_log_likelihood(decisions: Decisions, records: Records) -> float:
    """Mean of -ln p(the record's intent), in nats, at the decision's temperature."""
    picked, _ = _probabilities(decisions, records)
    return float(np.mean(-np.log(picked)))


def brier(decisions: Decisions, records: Records) -> float:
    """Mean squared distance of the probabilities from the truth, summed over the intents: 0 to 2 (Brier 1950)."""
    picked, each = _probabilities(decisions, records)
    return float(np.mean(np.sum(each**2, axis=1) - 2 * picked + 1))


def _arrays(decisions: Decisions, records: Records) -> tuple[np.ndarray, np.ndarray]:
    confidence = [decisions.of(record["query"]).confidence for record in some(records)]
    return np.asarray(confidence, dtype=float), np.asarray(decisions.right(records), dtype=float)


def _place(confidence: np.ndarray, bins: int) -> np.ndarray:
    """The bin of each confidence: bin b is (b/bins, (b+1)/bins], and 0 falls into the first."""
    return np.clip(np.ceil(confidence * bins - 1e-9).astype(int) - 1, 0, bins - 1)


def _gap(confidence: np.ndarray, right: np.ndarray, bins: int) -> float:
    surplus = np.bincount(_place(confidence, bins), weights=confidence - right, minlength=bins)
    return float(np.abs(surplus).sum() / len(right))


def _bins(confidence: np.ndarray, right: np.ndarray, bins: int) -> list[dict[str, Any]]:
    place = _place(confidence, bins)
    table = []
    for b in range(bins):
        inside = place == b
        table.append({
            "low": b / bins, "high": (b + 1) / bins, "n": int(inside.sum()),
            "confidence": float(confidence[inside].mean()) if inside.any() else None,
            "accuracy": float(right[inside].mean()) if inside.any() else None,
        })
    return table


def _probabilities(decisions: Decisions, records: Records) -> tuple[np.ndarray, np.ndarray]:
    """p(the record's intent) [n], and all probabilities [n, labels]: softmax(logits / temperature) in float64."""
    unknown = sorted({record["intent"] for record in some(records)} - set(decisions.labels))
    if unknown:
        raise EdgeError(f"{decisions.name}: expected records of {', '.join(decisions.labels)}, "
                        f"found {', '.join(unknown)}; map or drop those records")
    scaled = np.asarray([decisions.of(record["query"]).logits for record in records]) / decisions.temperature
    probabilities = softmax(scaled)
    truth = [decisions.labels.index(record["intent"]) for record in records]
    picked = probabilities[np.arange(len(truth)), truth]
    return np.maximum(picked, np.finfo(float).tiny), probabilities
