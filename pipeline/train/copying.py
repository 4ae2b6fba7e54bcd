"""Two layers that copy, put before the layers of a base that cannot.

A head of the first looks one token back and notes what it saw; a head of the second looks for a place whose note is the present
token, and says what stands there: an induction head (Olsson et al. 2022, In-context Learning and Induction Heads).  Large models
find the pair by themselves; a base of a few minutes does not, and learns slowly and badly to take an answer from a question.
Starting from weights that do what trained ones are known to do is mimetic initialization (Trockman and Kolter 2023); new layers
that at first change little, before or between those of a trained model, are block expansion (Wu et al. 2024, LLaMA Pro).
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING

from pipeline.errors import EdgeError

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from transformers import PreTrainedModel

NOTE = 1.5  # how loud the note is beside the embedding
SAY = 1.0  # how loud the copied token is
SHARPNESS = (2.0, 1.5)  # of the two heads' attention
QUIET = 0.01  # of everything else in the two layers


def with_copying_layers(model: PreTrainedModel, seed: int) -> PreTrainedModel:
    """The same Qwen3 with two layers more, in front; ``seed`` draws the directions that they use.

    EdgeError when a head is wider than the model.
    """
    import torch

    config = copy.deepcopy(model.config)
    if config.hidden_size < config.head_dim:
        raise EdgeError(f"expected a base with a hidden_size of at least {config.head_dim}, found {config.hidden_size}; take a wider one")
    config.num_hidden_layers += 2
    config.layer_types = [config.layer_types[0]] * 2 + config.layer_types
    torch.manual_seed(seed)
    grown = type(model)._from_config(config, attn_implementation=model.config._attn_implementation)
    known = {_moved(name): weight for name, weight in model.state_dict().items()}
    grown.load_state_dict({**grown.state_dict(), **known})
    with torch.no_grad():
        for layer in grown.model.layers[:2]:
            layer.self_attn.o_proj.weight.mul_(QUIET)
            layer.mlp.down_proj.weight.mul_(QUIET)
        _write_heads(grown, torch.Generator().manual_seed(seed))
    return grown


def _moved(name: str) -> str:
    start, layers, rest = name.partition("model.layers.")
    if not layers:
        return name
    number, _, weight = rest.partition(".")
    return f"{start}{layers}{int(number) + 2}.{weight}"


def _write_heads(model: PreTrainedModel, generator: Generator) -> None:
    import torch

    config = model.config
    width, half = config.head_dim, config.head_dim // 2
    frequencies = config.rope_parameters["rope_theta"] ** (-torch.arange(half) / half)
    slow = [*range(half // 2, half), *range(half + half // 2, width)]  # RoPE barely turns these within a question
    embedding = model.model.embed_tokens.weight
    loud = float(embedding.square().mean().sqrt())
    common = torch.nn.functional.normalize(torch.nn.functional.normalize(embedding).mean(0), dim=0)  # of nearly every token
    token, note, copied = (_directions(count, common, generator) for count in (len(slow), len(slow), width))
    back, continues = (layer.self_attn for layer in model.model.layers[:2])
    for head, sharpness in zip((back, continues), SHARPNESS, strict=True):
        for projection in (head.q_proj, head.k_proj, head.v_proj):
            projection.weight[:width] = 0
        head.o_proj.weight[:, :width] = 0
        head.q_norm.weight.fill_(sharpness)
    for pair in (0, 1):  # the two fastest frequencies tell one token back from its neighbours
        back.k_proj.weight[pair] = common
        back.q_proj.weight[pair], back.q_proj.weight[pair + half] = (common * turn(-frequencies[pair]) for turn in (math.cos, math.sin))
    back.v_proj.weight[slow] = token
    back.o_proj.weight[:, slow] = NOTE * loud * note.T
    continues.q_proj.weight[slow], continues.k_proj.weight[slow] = token, note
    continues.v_proj.weight[:width] = copied
    continues.o_proj.weight[:, :width] = SAY * loud * copied.T


def _directions(count: int, common: Tensor, generator: Generator) -> Tensor:
    """[count, size]: orthonormal rows that do not read what is common to all tokens."""
    import torch

    rows = torch.randn(count, len(common), generator=generator)
    return torch.linalg.qr((rows - (rows @ common)[:, None] * common).T)[0].T
