"""What a client answers, and who it was that answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Skipped:
    """An endpoint that did not answer: ``trouble`` is a word for why (`CloudError.trouble`, private, key or unable), ``reason`` a line."""

    endpoint: str
    trouble: str
    reason: str


@dataclass(frozen=True)
class Origin:
    """endpoint: who answered, by the name in the configuration.  model: what it was asked for.  skipped: who was asked, or passed
    over, before it."""

    endpoint: str
    model: str
    skipped: tuple[Skipped, ...]

    @property
    def fell_back(self) -> bool:
        """Whether another endpoint should have answered."""
        return bool(self.skipped)


@dataclass(frozen=True)
class Answer(Origin):
    """finish: OpenAI's finish_reason.  usage: tokens, where they were counted."""

    text: str
    finish: str
    usage: dict[str, Any] | None = None


@dataclass(frozen=True)
class Embedded(Origin):
    """vectors: float32 [texts, dimensions].  space: only vectors of one space may be compared."""

    space: str
    vectors: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class Reranked(Origin):
    """scores: of each document, in the order they were given; higher is more relevant."""

    scores: tuple[float, ...]

    @property
    def order(self) -> list[int]:
        """The documents' places, best first."""
        return sorted(range(len(self.scores)), key=lambda at: -self.scores[at])


@dataclass(frozen=True)
class Health:
    """models: what the endpoint says that it has.  trouble, reason: why it does not answer, else ""."""

    endpoint: str
    models: tuple[str, ...] = ()
    trouble: str = ""
    reason: str = ""

    @property
    def well(self) -> bool:
        return not self.trouble
