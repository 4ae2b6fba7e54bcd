"""A generator of random weights, as far as decoding sees: other logits after every step, the same ones for the same seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class RandomModel:
    def __init__(self, seed: int, vocabulary: int, max_length: int = 4096) -> None:
        self.vocabulary, self.max_length, self.read = vocabulary, max_length, []
        self._random = np.random.default_rng(seed)

    def check(self, ids: Sequence[int]) -> None: ...

    def start(self, ids: Sequence[int]) -> RandomModel:
        self.feed(ids)
        return self

    def feed(self, ids: Sequence[int]) -> None:
        self.read.append(list(ids))
        self.logits = self._random.normal(0, 5, self.vocabulary).astype(np.float32)
