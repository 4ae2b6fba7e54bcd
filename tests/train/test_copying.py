"""The layers that copy: they do, and the base behind them is what it was."""

from __future__ import annotations

import pytest
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from pipeline.errors import EdgeError
from pipeline.train.copying import with_copying_layers

LENGTH, HIDDEN = 16, 128


def base(hidden: int = HIDDEN, common: float = 0.15) -> Qwen3ForCausalLM:
    """Random weights, but embeddings with something in common, as trained ones have."""
    torch.manual_seed(0)
    config = Qwen3Config(vocab_size=600, hidden_size=hidden, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
                         num_key_value_heads=2, head_dim=32, tie_word_embeddings=True, max_position_embeddings=128)
    model = Qwen3ForCausalLM._from_config(config, attn_implementation="eager")
    with torch.no_grad():
        model.model.embed_tokens.weight.normal_(0, 0.1).add_(common)
    return model.eval()


def copied(model: Qwen3ForCausalLM) -> float:
    """How much the second layer's first head looks, in a text said twice, at what followed the present token the first time."""
    once = torch.randint(600, (8, LENGTH), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        attention = model(torch.cat([once, once], 1), output_attentions=True).attentions[1][:, 0]
    places = torch.arange(LENGTH, 2 * LENGTH - 1)
    return float(attention[:, places, places - LENGTH + 1].mean())


def test_the_second_layer_looks_at_what_followed_the_last_time() -> None:
    assert copied(with_copying_layers(base(), 1).eval()) > 0.5 > 3 * copied(base())


def test_without_anything_in_common_it_looks_back_by_chance() -> None:
    assert copied(with_copying_layers(base(common=0.0), 1).eval()) < 0.7 * copied(with_copying_layers(base(), 1).eval())


def test_the_base_is_behind_them_unchanged() -> None:
    before = base()
    grown = with_copying_layers(before, 1)
    for number, layer in enumerate(before.model.layers):
        for name, weight in layer.state_dict().items():
            assert grown.model.layers[number + 2].state_dict()[name].equal(weight)
    assert grown.model.embed_tokens.weight.equal(before.model.embed_tokens.weight)
    assert grown.lm_head.weight is grown.model.embed_tokens.weight and grown.config.num_hidden_layers == 4


def test_a_seed_gives_the_same_weights() -> None:
    one, same, other = (with_copying_layers(base(), seed).state_dict() for seed in (1, 1, 2))
    assert all(one[name].equal(same[name]) for name in one)
    assert not all(one[name].equal(other[name]) for name in one)


def test_a_base_narrower_than_a_head_is_refused() -> None:
    with pytest.raises(EdgeError, match="hidden_size of at least 32"):
        with_copying_layers(base(hidden=16), 1)
