"""A confidence threshold that bounds how many of the queries that needed the cloud stay on the device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.errors import EdgeError

WORST_LOSS = 1  # B: a query that needed the cloud and stayed
STEPS = 10_000  # thresholds between 0 and 1: a backend's rounding must not put a query back that just had to leave


@dataclass(frozen=True)
class Threshold:
    """A confidence threshold and what it rests on.

    controlling: what ``alpha`` asks for; None where nothing was controlled.  n: validation queries that needed the cloud.
    miss_rate: the share of them that stays on the device at ``confidence_threshold``; None without any.
    """

    confidence_threshold: float
    alpha: float
    controlling: float | None
    n: int
    miss_rate: float | None


def choose_threshold(scores: Sequence[float], alpha: float, least_confidence: float,
                     confidence_threshold: float | None = None) -> Threshold:
    """The threshold for the `device_score` of each validation query that needed the cloud; EdgeError as below.

    It is the one that controls the risk, but at least ``least_confidence``: a model that errs on none of these queries needs no
    threshold to control it, and would answer whatever it is asked, however unsure.  A higher threshold only lowers the risk.
    A given ``confidence_threshold`` is taken as it is.
    """
    controlling = None
    if confidence_threshold is None:
        controlling = risk_controlling_threshold(scores, alpha)
        confidence_threshold = max(controlling, least_confidence)
    stayed = sum(score >= confidence_threshold for score in scores)
    return Threshold(confidence_threshold, alpha, controlling, len(scores), stayed / len(scores) if scores else None)


def risk_controlling_threshold(scores: Sequence[float], alpha: float) -> float:
    """The smallest confidence threshold t of 0, 1 / STEPS ... 1 with (n R(t) + B) / (n + 1) <= alpha.

    Conformal risk control (Angelopoulos, Bates, Fisch, Lei and Schuster 2024, arXiv:2208.02814).  scores: the `device_score`
    of each of n queries that needed the cloud; one stays on the device when it is >= t.  R(t): the share of them that stays;
    B = 1, the loss of one.  A further query exchangeable with these then stays with probability at most alpha, on average
    over the draw of the n.  EdgeError when n is too small for alpha, or more queries than allowed are answered with certainty.
    """
    if not 0 < alpha < 1 or not np.isfinite(scores).all():
        raise EdgeError(f"expected finite scores and an alpha between 0 and 1, found alpha {alpha}; correct decision.alpha")
    n = len(scores)
    may_stay = math.floor(alpha * (n + 1) - WORST_LOSS + 1e-9)
    if may_stay < 0:
        needed = math.ceil(WORST_LOSS / alpha - 1 - 1e-9)
        raise EdgeError(f"expected at least {needed} validation queries that need the cloud to control the risk at alpha {alpha}, "
                        f"found {n}; add some, raise decision.alpha, or set decision.confidence_threshold")
    if may_stay >= n:
        return 0.0
    must_leave = sorted(scores, reverse=True)[may_stay]
    if must_leave >= 1:
        raise EdgeError(f"expected at most {may_stay} of {n} validation queries that need the cloud to stay with confidence 1, found more; "
                        "train a better model, raise decision.alpha, or set decision.confidence_threshold")
    if must_leave < 0:
        return 0.0
    first = math.floor(must_leave * STEPS)  # give or take one: 0.0003 * 10,000 is a little less than 3
    return next(step / STEPS for step in range(max(first - 1, 0), first + 3) if step / STEPS > must_leave)
