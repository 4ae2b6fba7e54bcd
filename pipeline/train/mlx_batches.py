"""What mlx-lm's trainer is fed, and how its model is judged; needs MLX, not mlx-lm.

mlx-lm's own batches leave out the rows that do not fill one, and its loss counts a pad token after every shorter row.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import mlx.core as mx
import mlx.nn as nn
import numpy as np

Rows = list[tuple[list[int], int]]  # token ids, and how many of them, the last ones, are the answer
PAD = 8  # batches are as long as a multiple of it, so that few shapes are compiled


def padded(rows: Rows) -> tuple[mx.array, mx.array]:
    """ids int32 [rows, T], and a mask float32 [rows, T - 1] of the targets that are trained: the answers, and nothing after them."""
    length = PAD * math.ceil(max(len(ids) for ids, _ in rows) / PAD)
    ids, trained = np.zeros((len(rows), length), np.int32), np.zeros((len(rows), length - 1), np.float32)
    for number, (row, answered) in enumerate(rows):
        ids[number, : len(row)] = row
        trained[number, len(row) - 1 - answered: len(row) - 1] = 1
    return mx.array(ids), mx.array(trained)


def answer_loss(model: nn.Module, ids: mx.array, trained: mx.array) -> tuple[mx.array, mx.array]:
    """Mean cross-entropy of the answers' tokens, and their number."""
    losses = nn.losses.cross_entropy(model(ids[:, :-1]).astype(mx.float32), ids[:, 1:])
    return (losses * trained).sum() / trained.sum(), trained.sum()


def batches(rows: Rows, size: int, seed: int, done: int) -> Iterator[tuple[mx.array, mx.array]]:
    """Batches of every row once an epoch, in another order each, from step ``done`` on, without end."""
    epoch = math.ceil(len(rows) / size)
    step = done
    while True:
        order = np.random.default_rng([seed, step // epoch]).permutation(len(rows))
        for start in range(step % epoch * size, len(rows), size):
            yield padded([rows[i] for i in order[start: start + size]])
            step += 1


def evaluate(model: nn.Module, rows: Rows, size: int) -> dict[str, float]:
    """Mean loss and accuracy of the answers' tokens over all rows."""
    model.eval()
    loss = right = tokens = 0.0
    for start in range(0, len(rows), size):
        ids, trained = padded(rows[start: start + size])
        logits = model(ids[:, :-1]).astype(mx.float32)
        losses, hits = nn.losses.cross_entropy(logits, ids[:, 1:]), mx.argmax(logits, -1) == ids[:, 1:]
        loss, right, tokens = (total + float(part.item()) for total, part in zip(
            (loss, right, tokens), ((losses * trained).sum(), (hits * trained).sum(), trained.sum()), strict=True))
    model.train()
    return {"loss": loss / tokens, "token_accuracy": right / tokens}
