"""The least time that a machine needs for a pass of a model (Williams et al. 2009): its products or its bytes, whichever take longer."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.compress.plan import Plan

CACHE_BYTES = 2
"""Of a number among the keys and values that a generating model keeps."""


@dataclass(frozen=True)
class Work:
    """What a pass needs at least.

    operations: multiplications and additions.  matrices: weights of the layers, read once each.  rows: weights of the embedding and
    the head that are read.  cache: bytes of keys and values.
    """

    operations: float
    matrices: float
    rows: float = 0.0
    cache: float = 0.0

    @property
    def weights(self) -> float:
        return self.matrices + self.rows

    def bytes(self, matrix_bits: float, row_bits: float) -> float:
        return (self.matrices * matrix_bits + self.rows * row_bits) / 8 + self.cache


def seconds(operations: float, bytes_: float, rate: float, read: float) -> float:
    """rate: operations a second.  read: bytes a second."""
    return max(operations / rate, bytes_ / read)


def prompt(plan: Plan, tokens: int, labels: int) -> Work:
    """A prompt of T tokens: every layer at all T, the last one's queries and what follows them at one.

    The head has the label rows alone.  An engine that does more, pads or computes every row, does not get more credit for it.
    """
    width = plan.head_dim
    known = 2 * plan.hidden * plan.kv_heads * width * plan.matrix_share
    asked = (2 * plan.hidden * plan.heads * width + 3 * plan.hidden * plan.ffn) * plan.matrix_share
    pair = 4 * plan.heads * width  # a query and a key: two products of that width
    per_layer = 2 * tokens * (known + asked) + pair * tokens * (tokens + 1) / 2
    last = 2 * (tokens * known + asked) + pair * tokens
    return Work((plan.layers - 1) * per_layer + last + 2 * plan.hidden * labels, plan.layers * (known + asked),
                plan.hidden * (tokens + labels))


def token(plan: Plan, context: int) -> Work:
    """One more token after ``context`` others, whose keys and values are read; the head has every row."""
    one = prompt(plan, 1, plan.vocabulary)
    attention = 4 * plan.heads * plan.head_dim * context * plan.layers
    return Work(one.operations + attention, one.matrices, one.rows, 2 * plan.kv_heads * plan.head_dim * context * plan.layers * CACHE_BYTES)
