"""Two attention heads that copy, written into a model before it is trained.

A head of the first layer looks one token back and notes what it saw; a head of the second looks for a place whose note is the
present token, and says what stands there: an induction head (Olsson et al. 2022, In-context Learning and Induction Heads).
Large models find the pair by themselves after billions of tokens.  In the few minutes that the reference base is trained it does
not form, and no adapter can teach a model to take an answer from a question if it cannot copy.  Starting from weights that
do what trained ones are known to do is mimetic initialization (Trockman and Kolter 2023); all of it is trained on.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from transformers import PreTrainedModel

EMBEDDING = 0.1  # standard deviation; dimension 0 holds the same in every token, for heads that look at places, not at tokens
CONSTANT = 0.3
NOTE = 0.15  # how loud the note is beside the embedding
SAY = 0.2  # how loud the copied token is
SHARPNESS = (2.0, 1.5)  # of the two heads' attention


def write_copying_heads(model: PreTrainedModel, seed: int) -> None:
    """Write the pair into head 0 of the first two layers of a Qwen3 of random weights; `seed` draws the directions it uses."""
    import torch

    config, generator = model.config, torch.Generator().manual_seed(seed)
    width, half = config.head_dim, config.head_dim // 2
    frequencies = config.rope_parameters["rope_theta"] ** (-torch.arange(half) / half)
    slow = [*range(half // 2, half), *range(half + half // 2, width)]  # RoPE barely turns these within a document
    token, note = _directions(len(slow), config.hidden_size, generator), _directions(len(slow), config.hidden_size, generator)
    copied = _directions(width, config.hidden_size, generator)
    back, continues = (layer.self_attn for layer in model.model.layers[:2])
    with torch.no_grad():
        model.model.embed_tokens.weight.normal_(0, EMBEDDING, generator=generator)[:, 0] = CONSTANT
        for head, sharpness in zip((back, continues), SHARPNESS, strict=True):
            for projection in (head.q_proj, head.k_proj, head.v_proj):
                projection.weight[:width] = 0
            head.o_proj.weight[:, :width] = 0
            head.q_norm.weight.fill_(sharpness)
        for pair in (0, 1):  # the two fastest frequencies tell one token back from its neighbours
            back.k_proj.weight[pair, 0] = 1
            back.q_proj.weight[pair, 0], back.q_proj.weight[pair + half, 0] = (turn(-frequencies[pair]) for turn in (math.cos, math.sin))
        back.v_proj.weight[slow] = token
        back.o_proj.weight[:, slow] = NOTE * note.T
        continues.q_proj.weight[slow], continues.k_proj.weight[slow] = token, note
        continues.v_proj.weight[:width] = copied
        continues.o_proj.weight[:, :width] = SAY * copied.T


def _directions(count: int, size: int, generator: Generator) -> Tensor:
    """[count, size]: orthonormal rows, none of which reads the constant dimension."""
    import torch

    rows = torch.linalg.qr(torch.randn(size, count, generator=generator))[0].T
    rows[:, 0] = 0
    return rows
