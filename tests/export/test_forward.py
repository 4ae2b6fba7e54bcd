from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from pipeline.errors import EdgeError
from pipeline.export.forward import ClassifierForward
from pipeline.runtime.torch_runtime import load_model
from tests.export import tiny_qwen3

LABEL_IDS = [37, 33, 34, 35, 36, 120]
LONGEST = 64


@pytest.fixture(scope="module")
def model(merged: Path):
    return load_model(merged)


@pytest.fixture(scope="module")
def wrapper(model):
    return ClassifierForward(model, LABEL_IDS, LONGEST).eval()


def prompt(model, length: int) -> torch.Tensor:
    return torch.randint(0, model.config.vocab_size, (1, length), generator=torch.Generator().manual_seed(length))


@torch.inference_mode()
def expected(model, ids: torch.Tensor) -> torch.Tensor:
    return model(input_ids=ids).logits[:, -1, LABEL_IDS]


@torch.inference_mode()
@pytest.mark.parametrize("integer", [torch.int64, torch.int32])
def test_it_equals_transformers_at_every_length(model, wrapper, integer):
    for length in range(1, LONGEST + 1):
        ids = prompt(model, length)
        torch.testing.assert_close(wrapper(ids.to(integer)), expected(model, ids), atol=1e-4, rtol=0)


@torch.inference_mode()
def test_left_padding_to_a_static_length_changes_nothing(model, wrapper):
    for length in range(1, LONGEST + 1):
        ids = prompt(model, length)
        padded, mask = left_padded(ids)
        torch.testing.assert_close(wrapper(padded, mask), expected(model, ids), atol=1e-4, rtol=0)


@torch.inference_mode()
def test_padding_that_is_not_masked_is_seen(model, wrapper):
    ids = prompt(model, 20)
    padded, mask = left_padded(ids)
    assert (wrapper(padded, torch.ones_like(mask)) - expected(model, ids)).abs().max() > 1e-2


@torch.inference_mode()
def test_a_zeroed_norm_is_seen(merged):
    model = load_model(merged)
    whole = expected(model, prompt(model, 20))
    wrapper = ClassifierForward(model, LABEL_IDS, LONGEST)
    wrapper.layers[0].attention.q_norm.weight.zero_()
    assert (wrapper(prompt(model, 20)) - whole).abs().max() > 1e-2


@torch.inference_mode()
@pytest.mark.parametrize("changes", [
    {"num_key_value_heads": 4}, {"num_key_value_heads": 1}, {"tie_word_embeddings": False}, {"attention_bias": True},
    {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6}}, {"head_dim": 32}])
def test_other_qwen3_shapes(tmp_path, changes):
    model = load_model(tiny_qwen3.build(tmp_path / "base", **changes))
    wrapper, ids = ClassifierForward(model, LABEL_IDS, LONGEST), prompt(model, 33)
    torch.testing.assert_close(wrapper(ids), expected(model, ids), atol=1e-4, rtol=0)


def test_a_static_export_with_a_mask_has_no_rank_beyond_four(wrapper):
    example = torch.zeros(1, LONGEST, dtype=torch.int32), torch.ones(1, LONGEST, dtype=torch.int32)
    with torch.no_grad():
        program = torch.export.export(wrapper, example).run_decompositions({})
    nodes = [node for node in program.graph.nodes if node.op == "call_function"]
    assert max(node.meta["val"].dim() for node in nodes if isinstance(node.meta.get("val"), torch.Tensor)) <= 4
    assert not [node.name for node in nodes if "expand" in node.name or "repeat" in node.name]


def test_another_architecture_is_refused():
    with pytest.raises(EdgeError, match="expected a qwen3 model"):
        ClassifierForward(GPT2LMHeadModel(GPT2Config(n_layer=1, n_embd=8, n_head=1, vocab_size=50)), [1, 2], 8)


def left_padded(ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    padding = LONGEST - ids.shape[1]
    return (torch.nn.functional.pad(ids, (padding, 0)).to(torch.int32),
            torch.nn.functional.pad(torch.ones_like(ids), (padding, 0)).to(torch.int32))
