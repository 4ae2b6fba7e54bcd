"""Perplexity: the exponential of the mean negative log-likelihood of a token (Jelinek et al. 1977)."""

from __future__ import annotations

from math import exp
from typing import Any

from pipeline.precision.per_text import PerText
from pipeline.precision.tokens import Said


def perplexity(likelihood: PerText) -> float:
    """likelihood: log-likelihood of each text in nats, and its predicted tokens."""
    return exp(-likelihood.mean)


def perplexities(read: Said, confidence: float) -> dict[str, Any]:
    """Of ``original`` and ``candidate``, and ``ratio``, the candidate's over the original's, paired on the same texts.

    ratio: value and bootstrap bounds over texts; the tokens are the same, so its logarithm is the mean difference of log-likelihoods.
    """
    before, after = read.per_text("original_likelihood"), read.per_text("likelihood")
    lost = PerText([a - b for a, b in zip(before.sums, after.sums, strict=True)], read.tokens).to_json(confidence)
    ratio = {name: None if lost[name] is None else exp(lost[name]) for name in ("value", "lower", "upper")}
    return {"original": perplexity(before), "candidate": perplexity(after), "ratio": {**lost, **ratio}}
