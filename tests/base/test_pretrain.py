from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import Qwen3Config, Qwen3ForCausalLM

from pipeline.base.pretrain import CHECKPOINT, Encoded, Recipe, batches, loss_of, pretrain
from pipeline.base.shape import PARAMETERS, shape_config
from pipeline.errors import EdgeError

RECIPE = Recipe(seed=1, matrix_lr=0.02, other_lr=1e-2, tokens=256, save_every=0.0)


def _model() -> Qwen3ForCausalLM:
    torch.manual_seed(0)
    return Qwen3ForCausalLM(Qwen3Config(
        vocab_size=64, hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, tie_word_embeddings=True, bos_token_id=0, eos_token_id=0, pad_token_id=0))


def _documents(count: int = 300) -> list[Encoded]:
    rng = random.Random(3)
    starts = [rng.randrange(1, 40) for _ in range(count)]
    return [Encoded([start + step for step in range(rng.randint(5, 12))], [1.0] * 12) for start in starts]


def _whole(documents: list[Encoded]) -> list[Encoded]:
    return [Encoded(one.ids, one.weights[: len(one.ids)]) for one in documents]


def test_the_loss_falls(tmp_path: Path) -> None:
    losses = list(pretrain(_model(), _whole(_documents(1500)), 0, RECIPE, tmp_path))
    assert sum(losses[-3:]) < 0.6 * sum(losses[:3])


def test_killed_and_resumed_is_bit_equal(tmp_path: Path) -> None:
    documents = _whole(_documents(100))
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    whole, killed, resumed = _model(), _model(), _model()
    losses = list(pretrain(whole, documents, 0, RECIPE, tmp_path / "whole"))
    first = pretrain(killed, documents, 0, RECIPE, tmp_path / "killed")
    seen = [next(first) for _ in range(3)]
    first.close()
    rest = list(pretrain(resumed, documents, 0, RECIPE, tmp_path / "killed"))
    assert seen + rest == losses and len(rest) == len(losses) - 3
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name


@pytest.mark.parametrize("fault", ["other recipe", "damaged"])
def test_a_foreign_or_damaged_checkpoint_is_not_resumed(tmp_path: Path, fault: str) -> None:
    documents = _whole(_documents(60))
    losses = list(pretrain(_model(), documents, 0, RECIPE, tmp_path))
    if fault == "damaged":
        (tmp_path / CHECKPOINT).write_bytes(b"damaged")
    recipe = replace(RECIPE, other_lr=1e-3) if fault == "other recipe" else RECIPE
    assert len(list(pretrain(_model(), documents, 0, recipe, tmp_path))) == len(losses)


def test_a_loss_that_is_not_finite_stops(tmp_path: Path) -> None:
    model = _model()
    with torch.no_grad():
        model.model.embed_tokens.weight[5] = float("nan")
    with pytest.raises(EdgeError, match="finite"):
        list(pretrain(model, _whole(_documents()), 0, RECIPE, tmp_path))


def test_weights_of_zero_do_not_count() -> None:
    ids, weights = torch.arange(1, 13).reshape(2, 6), torch.ones(2, 6)
    weights[:, 3:] = 0
    longer = loss_of(_model(), ids, weights)
    assert torch.allclose(longer, loss_of(_model(), ids[:, :3], weights[:, :3]), atol=1e-5)


@settings(deadline=None)
@given(lengths=st.lists(st.integers(1, 60), min_size=1, max_size=200), tokens=st.integers(16, 512))
def test_every_document_is_in_exactly_one_batch(lengths: list[int], tokens: int) -> None:
    encoded = [Encoded([1] * length, [1.0] * length) for length in lengths]
    plan = batches(encoded, tokens, seed=0)
    assert sorted(at for batch in plan for at in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * max(lengths[at] for at in batch) <= tokens for batch in plan)


def test_shape_has_the_parameters_of_qwen3_0_6b() -> None:
    with torch.device("meta"):
        model = Qwen3ForCausalLM(shape_config())
    assert sum(weight.numel() for weight in model.parameters()) == PARAMETERS
