"""A transformers Qwen3's forward pass over its own weights, in operations every mobile format takes; the classifier's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.errors import EdgeError

MASKED = -1e4  # finite and within float16, so a wholly masked row stays a number


class RMSNorm(nn.Module):
    """x / sqrt(mean(x^2) + eps) * w over the last axis, written out."""

    def __init__(self, norm: Any) -> None:
        super().__init__()
        self.weight, self.eps = norm.weight, norm.variance_epsilon

    def forward(self, x: Tensor) -> Tensor:
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + self.eps) * self.weight


class Attention(nn.Module):
    """Grouped-query attention of rank <= 4: a group's queries are stacked along time instead of repeating its keys."""

    def __init__(self, attention: Any, config: Any) -> None:
        super().__init__()
        self.heads, self.groups, self.width = config.num_attention_heads, config.num_key_value_heads, attention.head_dim
        self.q, self.k, self.v, self.o = attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj
        self.q_norm, self.k_norm = RMSNorm(attention.q_norm), RMSNorm(attention.k_norm)

    def queries(self, x: Tensor, asked: slice, cos: Tensor, sin: Tensor) -> Tensor:
        """x [1, T, hidden], the Q positions ``asked``, cos and sin [T, width] -> [1, heads, Q, width]."""
        return _rotate(self.q_norm(_split(self.q(x[:, asked]), self.heads)), cos[asked], sin[asked])

    def keys_and_values(self, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
        """x [1, T, hidden], cos and sin [T, width] -> two [1, groups, T, width]."""
        return _rotate(self.k_norm(_split(self.k(x), self.groups)), cos, sin), _split(self.v(x), self.groups)

    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        """q [1, heads, Q, width], k and v [1, groups, T, width], mask [1, 1, Q, T] -> [1, Q, hidden]."""
        asked_for, known = q.shape[2], k.shape[2]
        stacked = self.heads // self.groups * asked_for
        q = q.reshape(1, self.groups, stacked, self.width) * self.width**-0.5
        scores = (q @ k.transpose(2, 3)).reshape(1, self.heads, asked_for, known) + mask
        shares = scores.softmax(-1).reshape(1, self.groups, stacked, known)
        mixed = (shares @ v).reshape(1, self.heads, asked_for, self.width).transpose(1, 2)
        return self.o(mixed.reshape(1, asked_for, self.heads * self.width))


class MLP(nn.Module):
    """The gated feed-forward block."""

    def __init__(self, mlp: Any) -> None:
        super().__init__()
        self.gate, self.up, self.down, self.activation = mlp.gate_proj, mlp.up_proj, mlp.down_proj, mlp.act_fn

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.activation(self.gate(x)) * self.up(x))


class Layer(nn.Module):
    """One decoder layer, computed for the positions ``asked``; earlier ids are attended to by their keys and values."""

    def __init__(self, layer: Any, config: Any) -> None:
        super().__init__()
        self.before, self.after = RMSNorm(layer.input_layernorm), RMSNorm(layer.post_attention_layernorm)
        self.attention, self.mlp = Attention(layer.self_attn, config), MLP(layer.mlp)

    def forward(self, x: Tensor, asked: slice, past: Tensor | None, cos: Tensor, sin: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """x [1, T, hidden], the Q positions ``asked``, earlier keys and values [2, groups, P, width], cos and sin [T, width],
        mask [1, 1, Q, P + T] -> [1, Q, hidden] and the keys and values of x [2, groups, T, width]."""
        normed = self.before(x)
        q = self.attention.queries(normed, asked, cos, sin)
        k, v = self.attention.keys_and_values(normed, cos, sin)
        keys, values = (k, v) if past is None else (torch.cat((past[:1], k), 2), torch.cat((past[1:], v), 2))
        y = x[:, asked] + self.attention.attend(q, keys, values, mask)
        return y + self.mlp(self.after(y)), torch.cat((k, v))


class ClassifierForward(nn.Module):
    """Label logits at a prompt's last position; shares the weights of ``model`` (transformers' Qwen3ForCausalLM).

    The head holds the label rows alone and the last layer is computed at the last position alone.  RoPE's sign is
    folded into the sine table.  Only distances between positions matter to RoPE, so left padding needs a mask but
    no position ids.  ``prefix``: ids that every prompt starts with; their keys and values are constants of the graph.
    """

    cos: Tensor
    sin: Tensor
    causal: Tensor

    def __init__(self, model: Any, label_ids: Sequence[int], max_length: int, prefix: Sequence[int] = ()) -> None:
        super().__init__()
        config = model.config
        check_architecture(config)
        self.embedding = model.model.embed_tokens
        self.layers = nn.ModuleList(Layer(layer, config) for layer in model.model.layers)
        self.norm = RMSNorm(model.model.norm)
        self.head = nn.Linear(config.hidden_size, len(label_ids), bias=False)
        self.head.weight = nn.Parameter(model.lm_head.weight.detach()[list(label_ids)], requires_grad=False)
        cos, sin = rope(model, max_length)
        self.register_buffer("cos", cos)
        self.register_buffer("sin", sin)
        self.register_buffer("causal", torch.full((max_length, max_length), MASKED).triu(1))
        self.known = 0
        if prefix:
            self._read(torch.tensor([list(prefix)]))

    @torch.no_grad()
    def _read(self, prefix: Tensor) -> None:
        """Keep the keys and values of the prefix's ids [1, P], a buffer [2, groups, P, width] a layer."""
        _, past = self._through(prefix, self.causal[: prefix.shape[1], : prefix.shape[1]][None, None])
        self.known = prefix.shape[1]
        for number, rows in enumerate(past):
            self.register_buffer(f"past_{number}", rows)

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """ids [1, T], P + T <= max_length, and optionally mask [1, T] (1 = token, 0 = left padding) -> [1, labels]."""
        known, length = self.known, ids.shape[1]
        bias = self.causal[known : known + length, : known + length].reshape(1, 1, length, known + length)
        if mask is not None:
            padded = ((1 - mask.to(bias.dtype)) * MASKED).reshape(1, 1, 1, length)
            bias = bias + (torch.nn.functional.pad(padded, (known, 0)) if known else padded)
        x, _ = self._through(ids, bias)
        return self.head(self.norm(x).squeeze(1))

    def _through(self, ids: Tensor, bias: Tensor) -> tuple[Tensor, list[Tensor]]:
        """ids [1, T], bias [1, 1, T, P + T] -> the last position [1, 1, hidden], and each layer's new keys and values."""
        known, length = self.known, ids.shape[1]
        cos, sin = self.cos[known : known + length], self.sin[known : known + length]
        x, news = self.embedding(ids), []
        for number, layer in enumerate(self.layers):
            asked = slice(-1, None) if number == len(self.layers) - 1 else slice(None)
            past = getattr(self, f"past_{number}") if known else None
            x, new = layer(x, asked, past, cos, sin, bias[:, :, asked])
            news.append(new)
        return x, news


def _split(x: Tensor, heads: int) -> Tensor:
    """[1, T, heads * width] -> [1, heads, T, width]."""
    return x.reshape(1, x.shape[1], heads, x.shape[2] // heads).transpose(1, 2)


def _rotate(x: Tensor, cos: Tensor, signed_sin: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    return x * cos + torch.cat((x[..., half:], x[..., :half]), -1) * signed_sin


def check_architecture(config: Any) -> None:
    """EdgeError unless the modules above compute what the model of this transformers config does."""
    if config.model_type != "qwen3" or getattr(config, "use_sliding_window", False):
        raise EdgeError(f"expected a qwen3 model without a sliding window, found {config.model_type}; "
                        "its forward pass has to be written first")


def rope(model: Any, length: int) -> tuple[Tensor, Tensor]:
    """The model's own tables [length, width], the first half of the sine negated."""
    cos, sin = model.model.rotary_emb(model.model.embed_tokens.weight[:1], torch.arange(length)[None])
    cos, sin = cos[0].detach().clone(), sin[0].detach().clone()
    sin[:, : sin.shape[-1] // 2] *= -1
    return cos, sin
