from __future__ import annotations

import json

import pytest
import torch

from pipeline.compress import Source, technique
from pipeline.compress.plan import plan_of
from pipeline.errors import EdgeError
from pipeline.runtime.torch_runtime import load_model
from tests.compress.calibrated import as_bfloat16, source_of, tensors
from tests.export.tiny_qwen3 import compress

HALF_A_STEP, SUBNORMAL = 2**-4, 2**-10  # of a value, of a scale: E4M3 has three bits of mantissa, and 2^-9 as its least


@pytest.fixture(scope="module", params=["dynamic", "static"])
def fp8(request, merged, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fp8")
    source = source_of(merged, folder) if request.param == "static" else Source(merged)
    compress("fp8", folder / "out", source, activations=request.param)
    return request.param, folder / "out"


def test_weights_are_eight_bit_floats_within_the_formats_bound(merged, fp8):
    activations, out = fp8
    stored, before, dense = tensors(out), tensors(merged), load_model(out)
    matrices = [name for name, tensor in stored.items() if tensor.dtype == torch.float8_e4m3fn]
    assert len(matrices) == 2 * 7
    for name in matrices:
        exact, found, scale = before[name], dense.get_parameter(name).detach(), stored[f"{name}_scale"]
        assert scale.numel() == (1 if activations == "static" else len(exact))
        assert ((exact - found).abs() <= torch.maximum(HALF_A_STEP * exact.abs(), SUBNORMAL * scale) * (1 + 1e-5)).all()
        assert not torch.equal(exact, found)


def test_the_rest_stays_and_static_ranges_are_there(merged, fp8):
    activations, out = fp8
    stored, before = tensors(out), tensors(merged)
    assert torch.equal(stored["model.embed_tokens.weight"], before["model.embed_tokens.weight"])
    ranges = [name for name in stored if name.endswith("input_scale")]
    assert len(ranges) == (14 if activations == "static" else 0)
    assert json.loads((out / "compression.json").read_text())["prompts"] == (4 if activations == "static" else 0)


def test_twice_the_same_bytes_and_no_word(merged, tmp_path, capfd):
    half = as_bfloat16(merged, tmp_path / "half")
    capfd.readouterr()
    for name in ("one", "other"):
        compress("fp8", tmp_path / name, Source(half))
    assert capfd.readouterr() == ("", "")
    assert (tmp_path / "one" / "model.safetensors").read_bytes() == (tmp_path / "other" / "model.safetensors").read_bytes()
    assert tensors(tmp_path / "one")["model.norm.weight"].dtype == torch.bfloat16


def test_static_ranges_need_data(merged, tmp_path):
    with pytest.raises(EdgeError, match="expected calibration data, found none"):
        compress("fp8", tmp_path / "out", Source(merged), activations="static")


def test_predicted_bits(merged):
    module = technique("fp8")
    assert module.predict(plan_of(merged), module.Settings()).matrix_bits == 8
