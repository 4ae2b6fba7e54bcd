from __future__ import annotations

import json

import pytest
import torch

from pipeline.compress import Source, technique
from pipeline.compress.plan import plan_of
from pipeline.compress.report import relative_error
from pipeline.errors import EdgeError
from pipeline.runtime.torch_runtime import load_model
from tests.compress.calibrated import as_bfloat16, outputs, round_to_nearest, source_of, tensors
from tests.export.tiny_qwen3 import build, compress

FIRST = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")


@pytest.fixture(scope="module")
def source(merged, tmp_path_factory):
    return source_of(merged, tmp_path_factory.mktemp("gptq-data"))


@pytest.fixture(scope="module")
def gptq(source, tmp_path_factory):
    out = tmp_path_factory.mktemp("gptq") / "out"
    compress("gptq", out, source, group=32)
    return out


def test_outputs_are_closer_than_by_rounding_to_nearest(merged, gptq, source, tmp_path, record_property):
    """The prompts share most of their few tokens, so the inputs of the first layer are correlated."""
    exact = outputs(merged, source, FIRST)
    nearest = relative_error(exact.numpy(), outputs(round_to_nearest(merged, tmp_path / "rtn"), source, FIRST).numpy())
    found = relative_error(exact.numpy(), outputs(gptq, source, FIRST).numpy())
    record_property("errors of GPTQ and RTN", (found, nearest))
    assert 0 < found < 0.6 * nearest


def test_what_is_written(merged, gptq):
    stored, before = tensors(gptq), tensors(merged)
    assert stored["model.layers.1.mlp.down_proj.weight_packed"].shape == (64, 96 * 4 // 32)
    assert stored["model.layers.1.mlp.down_proj.weight_scale"].shape == (64, 96 // 32)
    assert torch.equal(stored["model.embed_tokens.weight"], before["model.embed_tokens.weight"])
    assert "lm_head.weight" not in stored and (gptq / "tokenizer.json").is_file()
    report = json.loads((gptq / "compression.json").read_text())
    assert report["prompts"] == 4 and report["bytes"]["after"] < report["bytes"]["before"] / 2
    assert len(report["error"]) == len(dict(load_model(merged).named_parameters()))
    assert {round(error, 4) for name, error in report["error"].items() if "_proj" not in name} == {0}


def test_a_loaded_directory_is_a_dense_model_like_any_other(gptq, tmp_path):
    model = load_model(gptq)
    assert not [module for module in model.modules() if hasattr(module, "quantization_scheme")]
    assert not [name for name, _ in model.named_parameters() if "scale" in name]
    model.save_pretrained(tmp_path)
    assert "quantization_config" not in json.loads((tmp_path / "config.json").read_text())


def test_the_same_seed_gives_the_same_bytes_and_no_word(gptq, source, tmp_path, capfd):
    compress("gptq", tmp_path / "out", source, group=32)
    assert capfd.readouterr() == ("", "")
    for name in ("model.safetensors", "config.json", "compression.json"):
        assert (tmp_path / "out" / name).read_bytes() == (gptq / name).read_bytes()


def test_bfloat16_and_an_untied_head_stay(tmp_path):
    """Eight bits computed in bfloat16 would be off by a whole step; here rounding alone may be, by half a one."""
    model = as_bfloat16(build(tmp_path / "whole", layers=1, tie_word_embeddings=False), tmp_path / "half")
    out = tmp_path / "out"
    compress("gptq", out, source_of(model, tmp_path), group=32, bits=8, symmetric=True)
    stored, before = tensors(out), tensors(model)
    for name in ("model.embed_tokens.weight", "lm_head.weight", "model.norm.weight"):
        assert stored[name].dtype == torch.bfloat16 and torch.equal(stored[name], before[name])
    assert load_model(out, "auto").dtype == torch.bfloat16
    nearest = round_to_nearest(model, tmp_path / "rtn", bits=8, symmetric=True)
    for name, scale in ((name, tensor) for name, tensor in tensors(nearest).items() if name.endswith("_scale")):
        exact, found = before[name[:-6]].float(), load_model(nearest).get_parameter(name[:-6])
        assert ((exact - found).abs() <= 0.501 * scale.repeat_interleave(32, 1)).all()


def test_what_cannot_be_done_is_one_line(merged, source, tmp_path):
    with pytest.raises(EdgeError, match="down_proj: expected inputs in groups of 64, found 96"):
        compress("gptq", tmp_path / "out", source, group=64)
    with pytest.raises(EdgeError, match="expected calibration data, found none"):
        compress("gptq", tmp_path / "out", Source(merged), group=32)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("name", ["gptq", "awq"])
def test_predicted_bits_count_scales(merged, name):
    module, plan = technique(name), plan_of(merged)
    after = module.predict(plan, module.Settings(bits=4, group=64))
    assert after.matrix_bits == 4.5 and after.embedding_bits == plan.embedding_bits and after.seconds > 0
