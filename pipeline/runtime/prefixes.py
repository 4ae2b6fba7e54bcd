"""What was computed for the beginnings of earlier prompts, in whole blocks, so that a fixed system prompt is read once.

After vLLM's prefix caching (Kwon et al. 2023, "Efficient Memory Management for Large Language Model Serving with
PagedAttention"): a block's keys and values depend on its own ids and all before it, and on nothing else.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import numpy as np

BLOCK = 16
"""Ids that are computed together, from a prompt's start.  Cached or not, they are the same sums in the same order, so an
answer never depends on what was asked before it, not even where activations are quantised together."""


class Prefixes:
    """The least recently used go first once ``limit`` bytes are held; safe between threads."""

    def __init__(self, limit: int) -> None:
        self._limit, self._bytes, self._lock = limit, 0, Lock()
        self._blocks: OrderedDict[tuple[int, ...], np.ndarray] = OrderedDict()

    def known(self, ids: Sequence[int]) -> list[np.ndarray]:
        """The rows [BLOCK, ...] of each leading block of ``ids`` that is held; never of the block that holds the last id."""
        found = []
        with self._lock:
            for end in range(BLOCK, len(ids), BLOCK):
                rows = self._blocks.get(tuple(ids[:end]))
                if rows is None:
                    break
                found.append(rows)
        return found

    def remember(self, ids: Sequence[int], rows: np.ndarray) -> None:
        """Hold copies of the whole blocks of ``rows`` [len(ids), ...] as the most recently used."""
        with self._lock:
            for end in reversed(range(BLOCK, len(ids), BLOCK)):  # a block is of no use without those before it
                key = tuple(ids[:end])
                if key not in self._blocks:
                    self._blocks[key] = rows[end - BLOCK : end].copy()
                    self._bytes += self._blocks[key].nbytes
                self._blocks.move_to_end(key)
            while self._bytes > self._limit:
                self._bytes -= self._blocks.popitem(last=False)[1].nbytes
