"""A figure of tokens with texts as what is independent: the tokens of one text are not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pipeline.verdict.bootstrap import ratio_of_sums
from pipeline.verdict.statistics import Bounds, clustered_proportion


@dataclass(frozen=True)
class PerText:
    """Sums over the scored tokens of each text, and how many these are; the figure is all sums over all tokens."""

    sums: list[float] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)

    @property
    def mean(self) -> float:
        return sum(self.sums) / sum(self.tokens)

    def bounds(self, confidence: float) -> Bounds | None:
        """Texts are resampled with all their tokens (bootstrap); None for a single text, which tells nothing about others."""
        return ratio_of_sums(self.sums, self.tokens, confidence) if len(self.tokens) > 1 else None

    def share_bounds(self, confidence: float) -> Bounds | None:
        """The same where a token counts 0 or 1: Clopper-Pearson at the effective number of tokens (Korn and Graubard 1998)."""
        return clustered_proportion([round(one) for one in self.sums], self.tokens, confidence) if len(self.tokens) > 1 else None

    def to_json(self, confidence: float, share: bool = False) -> dict[str, Any]:
        """value, its bounds (null for a single text), texts and tokens."""
        found = self.share_bounds(confidence) if share else self.bounds(confidence)
        return {"value": self.mean, "lower": found and found.lower, "upper": found and found.upper, "texts": len(self.tokens),
                "tokens": sum(self.tokens)}
