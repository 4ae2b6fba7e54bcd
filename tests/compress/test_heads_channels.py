from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from pipeline.compress import technique
from pipeline.compress.calibration import asked
from pipeline.compress.importance import output_energy, strongest
from pipeline.compress.model import matrices, open_model
from pipeline.compress.plan import plan_of
from pipeline.errors import EdgeError
from tests.compress.pruned import compressed, logits, source_of

GROUPS, HEAD, FFN = 4, 16, 96  # of 2 query heads each


def mute(model):
    """Zeroes what group 1 of the first layer, group 2 of the second and every third channel give."""
    for layer, group in zip(model.model.layers, (1, 2), strict=True):
        layer.self_attn.o_proj.weight[:, group * 2 * HEAD:(group + 1) * 2 * HEAD] = 0
        layer.mlp.down_proj.weight[:, ::3] = 0


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return source_of(tmp_path_factory.mktemp("width"), mute, num_attention_heads=2 * GROUPS, num_key_value_heads=GROUPS)


def test_a_silent_group_goes_first_and_nothing_changes(source, tmp_path):
    report = compressed("heads", source, tmp_path / "out")
    assert report["kept"] == [[0, 2, 3], [0, 1, 3]] and report["importance_kept"] == [1, 1]
    assert report["importance"][0][1] == report["importance"][1][2] == 0
    torch.testing.assert_close(logits(tmp_path / "out", range(40)), logits(source.model, range(40)), rtol=0, atol=1e-4)
    predicted = technique("heads").predict(plan_of(source.model), technique("heads").Settings())
    assert replace(predicted, seconds=0) == plan_of(tmp_path / "out") == replace(plan_of(source.model), heads=6, kv_heads=3)


def test_silent_channels_go_first_and_nothing_changes(source, tmp_path):
    settings = {"keep": 2 / 3, "multiple": 32}
    report = compressed("channels", source, tmp_path / "out", **settings)
    assert report["channels"] == {"before": FFN, "after": 64} and report["importance_kept"] == [1, 1]
    torch.testing.assert_close(logits(tmp_path / "out", range(40)), logits(source.model, range(40)), rtol=0, atol=1e-4)
    predicted = technique("channels").predict(plan_of(source.model), technique("channels").Settings(**settings))
    assert replace(predicted, seconds=0) == plan_of(tmp_path / "out") == replace(plan_of(source.model), ffn=64)
    before, after = (matrices(open_model(model))["model.layers.0.mlp.gate_proj"].weight for model in (source.model, tmp_path / "out"))
    stay = [channel for channel in range(FFN) if channel % 3]
    assert torch.equal(before[stay], after)


def test_importance_is_the_energy_of_the_part_alone(source):
    """By its definition: the output with all other inputs at zero, squared, over every token of every prompt."""
    model, prompts = open_model(source.model), asked(source)
    found = output_energy(model, prompts, lambda layer: layer.self_attn.o_proj, 2 * HEAD)
    linear, seen = model.model.layers[1].self_attn.o_proj, []
    hook = linear.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0][0]))
    with torch.inference_mode():
        for prompt in prompts:
            model(input_ids=torch.tensor([prompt.ids]))
        x = torch.cat(seen)
        alone = [torch.zeros_like(x).index_copy_(1, part, x[:, part]) for part in torch.arange(2 * HEAD * GROUPS).reshape(GROUPS, -1)]
        exact = [float(linear(one).square().sum(-1).mean()) for one in alone]
    hook.remove()
    assert found[1].tolist() == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize("name, settings, tied", [("heads", {}, True), ("channels", {"multiple": 32}, False)])
def test_the_same_bytes_twice_in_the_stored_type(tmp_path, name, settings, tied):
    source = source_of(tmp_path, dtype=torch.bfloat16, tie_word_embeddings=tied, attention_bias=True)
    for out in ("one", "two"):
        compressed(name, source, tmp_path / out, **settings)
    one, two = ((tmp_path / out / "model.safetensors").read_bytes() for out in ("one", "two"))
    assert one == two
    model = open_model(tmp_path / "one")
    assert model.dtype == torch.bfloat16 and (model.lm_head.weight is model.model.embed_tokens.weight) == tied


@pytest.mark.parametrize("name, settings", [
    ("heads", {"keep_groups": GROUPS}), ("channels", {"multiple": FFN}), ("channels", {"multiple": 128})])
def test_nothing_to_drop_is_one_line(source, tmp_path, name, settings):
    with pytest.raises(EdgeError, match="expected to keep 1 to"):
        compressed(name, source, tmp_path / "out", **settings)
    with pytest.raises(EdgeError, match="expected to keep 1 to"):
        technique(name).predict(plan_of(source.model), technique(name).Settings(**settings))


def test_of_equals_the_first_stay():
    assert strongest(torch.tensor([1.0, 3.0, 1.0, 0.0, 1.0]), 3).tolist() == [0, 1, 2]
