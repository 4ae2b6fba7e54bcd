"""What two models say of each next token of the same texts: log-likelihoods, KL divergence and agreement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from pipeline.errors import EdgeError
from pipeline.precision.layers import LayersApart
from pipeline.precision.per_text import PerText
from pipeline.precision.windows import Window, windows
from pipeline.progress import track

LENGTH, STRIDE = 512, 256  # tokens
ROWS = 128  # positions whose logits are there at once: 78 MB each of Qwen3's vocabulary


@dataclass
class Said:
    """Sums over the predicted tokens of each text, all but its first; texts in their order.

    likelihood, original_likelihood: log-likelihood in nats.  divergence: KL(original || candidate) in nats.  agreed: on how many
    tokens both find the same one most likely.
    """

    tokens: list[int] = field(default_factory=list)
    likelihood: list[float] = field(default_factory=list)
    original_likelihood: list[float] = field(default_factory=list)
    divergence: list[float] = field(default_factory=list)
    agreed: list[int] = field(default_factory=list)

    def per_text(self, name: str) -> PerText:
        return PerText(list(map(float, getattr(self, name))), self.tokens)


@torch.inference_mode()
def said(exact: Any, found: Any, ids: Sequence[Sequence[int]], layers: LayersApart | None = None,
         length: int = LENGTH, stride: int = STRIDE) -> Said:
    """Read token ids of texts [texts][tokens >= 2] with both models, window by window.

    ``layers`` sees the same run.  Memory: both models, one window's hidden states, and the logits of `ROWS` positions.
    """
    longest = min(length, *(model.config.max_position_embeddings for model in (exact, found)))
    total = Said()
    with track("texts", len(ids)) as progress:
        for text in ids:
            sums = [0.0, 0.0, 0.0, 0]
            for window in windows(len(text), longest, min(stride, longest - 1)):
                states = _states(exact, found, torch.tensor([list(text[window.start:window.end])]), layers, window)
                sums = [a + b for a, b in zip(sums, _compare(exact, found, *states, text, window), strict=True)]
            if not all(isfinite(one) for one in sums):
                raise EdgeError("expected log-likelihoods, found one that is not a number; look for weights that are none")
            total.tokens.append(len(text) - 1)
            for name, value in zip(("original_likelihood", "likelihood", "divergence", "agreed"), sums, strict=True):
                getattr(total, name).append(value)
            progress.advance()
    return total


def _states(exact: Any, found: Any, ids: Tensor, layers: LayersApart | None, window: Window) -> tuple[Tensor, Tensor]:
    """The last hidden states of both, [tokens, hidden]."""
    def read() -> tuple[Tensor, Tensor]:
        one, other = (model.model(input_ids=ids, use_cache=False).last_hidden_state[0] for model in (exact, found))
        return one, other

    if layers is None:
        return read()
    with layers.watching(window.fresh - window.start):
        return read()


def _compare(exact: Any, found: Any, one: Tensor, other: Tensor, text: Sequence[int], window: Window) -> list[float]:
    """Over the window's fresh tokens, but for the text's first: both log-likelihoods, KL and agreement, summed."""
    first = max(window.fresh, 1)
    sums = [0.0, 0.0, 0.0, 0]
    for start in range(first, window.end, ROWS):
        stop = min(start + ROWS, window.end)
        rows = slice(start - 1 - window.start, stop - 1 - window.start)  # a token is predicted at the place before it
        targets = torch.tensor(list(text[start:stop]))[:, None]
        a, b = (torch.log_softmax(model.lm_head(states[rows]).float(), -1) for model, states in ((exact, one), (found, other)))
        kl = (a.exp() * (a - b)).sum(-1, dtype=torch.float64).clamp_min(0)  # rounding alone takes it below
        sums = [total + float(part) for total, part in zip(sums, (
            a.gather(-1, targets).sum(dtype=torch.float64), b.gather(-1, targets).sum(dtype=torch.float64), kl.sum(),
            (a.argmax(-1) == b.argmax(-1)).sum()), strict=True)]
    return sums
