"""What the structured pruners share: the model run on calibration prompts, how much a part adds, and the cutting.

Prompts are padded on the right: under a causal mask no token sees what follows it, so no other mask is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from pipeline.compress.calibration import Asked
from pipeline.compress.model import decoder_layers
from pipeline.errors import EdgeError

BATCH = 16  # prompts


class Batch(NamedTuple):
    """Prompts as ids int64 [B, T], padded on the right, and which of them are tokens, bool [B, T]."""

    ids: Tensor
    real: Tensor


def batches(prompts: Sequence[Asked]) -> list[Batch]:
    """The prompts by length, so that little of a batch is padding."""
    ids = sorted((prompt.ids for prompt in prompts), key=len)
    made = []
    for at in range(0, len(ids), BATCH):
        rows = [torch.tensor(row) for row in ids[at:at + BATCH]]
        real = nn.utils.rnn.pad_sequence([torch.ones(len(row), dtype=torch.bool) for row in rows], batch_first=True)
        made.append(Batch(nn.utils.rnn.pad_sequence(rows, batch_first=True), real))
    return made


class Walk:
    """A model's decoder layers on one batch, to be taken one at a time; ``start`` is the embedding [B, T, hidden]."""

    def __init__(self, model: Any, batch: Batch) -> None:
        self.start = model.model.embed_tokens(batch.ids)
        self._rope = model.model.rotary_emb(self.start, torch.arange(batch.ids.shape[1])[None])
        self._layers = decoder_layers(model)

    def through(self, layer: int, x: Tensor) -> Tensor:
        """[B, T, hidden] -> the same after that layer."""
        return self._layers[layer](x, attention_mask=None, position_embeddings=self._rope, use_cache=False)


def output_energy(model: Any, prompts: Sequence[Asked], matrix: Callable[[nn.Module], nn.Linear], width: int) -> Tensor:
    """[layers, parts]: what each part of ``width`` inputs of a layer's ``matrix`` adds to the residual stream.

    That is E |W_p x_p|^2 over the prompts' tokens, W_p the part's columns: Wanda's |W| |x| (Sun et al. 2023,
    arXiv:2306.11695) of a whole part instead of a weight.  By W_p^T W_p and E x_p x_p^T, so the outputs are never made.
    """
    linears = [matrix(layer) for layer in decoder_layers(model)]
    parts = linears[0].in_features // width
    moments = torch.zeros(len(linears), parts, width, width, dtype=torch.float64)
    seen: dict[nn.Module, Tensor] = {}
    hooks = [linear.register_forward_pre_hook(lambda linear, inputs: seen.update({linear: inputs[0]})) for linear in linears]
    with torch.inference_mode():
        for batch in batches(prompts):
            model.model(input_ids=batch.ids, use_cache=False)
            for moment, linear in zip(moments, linears, strict=True):
                x = seen[linear][batch.real].double().reshape(-1, parts, width)
                moment += torch.einsum("npa,npb->pab", x, x)
    for hook in hooks:
        hook.remove()
    columns = [linear.weight.detach().double().reshape(-1, parts, width) for linear in linears]
    squares = torch.stack([torch.einsum("opa,opb->pab", w, w) for w in columns])
    return (moments * squares).sum((2, 3)) / sum(len(prompt.ids) for prompt in prompts)


def strongest(scores: Tensor, count: int) -> Tensor:
    """The indices of the ``count`` largest, ascending; of equals those that come first."""
    return scores.argsort(descending=True, stable=True)[:count].sort().values


def share_kept(importance: Tensor, kept: Sequence[Tensor]) -> list[float]:
    """Of [layers, parts], by layer: the share of the importance that the kept parts have."""
    return [round(float(of[parts].sum() / of.sum().clamp(min=1e-300)), 6) for of, parts in zip(importance, kept, strict=True)]


def cut(linear: nn.Linear, rows: Tensor | None = None, columns: Tensor | None = None) -> None:
    """Keep these outputs (rows of the weight) or inputs (columns) of a linear layer."""
    if rows is not None:
        linear.weight = _frozen(linear.weight[rows])
        linear.bias = None if linear.bias is None else _frozen(linear.bias[rows])
    if columns is not None:
        linear.weight = _frozen(linear.weight[:, columns])
    linear.out_features, linear.in_features = linear.weight.shape


def fewer(count: int, total: int, what: str) -> int:
    """``count``, below ``total``; EdgeError when nothing would go."""
    if not 0 < count < total:
        raise EdgeError(f"expected to keep 1 to {total - 1} of {total} {what}, found {count}; lower what is kept")
    return count


def at_most(share: float, total: int) -> int:
    """The largest whole number of ``total`` that is not above ``share`` of it, and at least 1."""
    return max(1, int(share * total + 1e-9))


def _frozen(weight: Tensor) -> nn.Parameter:
    return nn.Parameter(weight.detach().clone(), requires_grad=False)
