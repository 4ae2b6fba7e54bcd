"""The laws of rounding, and llm-compressor's own rounding beside ours, bit for bit."""

from __future__ import annotations

import json

import pytest
import torch
from compressed_tensors.compressors import BaseCompressor
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from pipeline.compress.one_shot import one_shot, open_for
from pipeline.quantize import QuantizationConfig
from pipeline.quantize.checkpoint import open_checkpoint
from pipeline.quantize.plan import plan
from pipeline.quantize.rounding import quantised, stored_bytes
from pipeline.quantize.schemes import scheme
from pipeline.runtime.torch_runtime import load_model
from tests.compress.calibrated import as_bfloat16

METHODS = ("fp8-dynamic", "int8-dynamic", "int8-weight", "int4-rtn")


@st.composite
def matrices(draw):
    """(matrix, group): more outputs than are packed together, groups that divide the inputs; some groups are zero, of one sign, or tiny."""
    group = draw(st.sampled_from([1, 3, 8, 32, 40]))
    shape = draw(st.integers(9, 25)), group * draw(st.integers(1, 4))
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(draw(st.integers(0, 2**31))))
    weight *= 10.0 ** draw(st.integers(-6, 3))
    kind = draw(st.sampled_from(["as it is", "zero", "positive", "one"]))
    weight[0] = {"as it is": weight[0], "zero": torch.zeros(shape[1]), "positive": weight[0].abs(), "one": weight[0, 0]}[kind]
    return weight.to(draw(st.sampled_from([torch.float32, torch.bfloat16, torch.float16]))), group


@settings(max_examples=60, deadline=None)
@given(matrices(), st.sampled_from(METHODS), st.booleans())
def test_what_is_stored_is_within_half_a_step(drawn, method, symmetric):
    weight, group = drawn
    chosen = scheme(QuantizationConfig(input="m", method=method, group_size=group, symmetric=symmetric))
    stored = quantised("w", weight, chosen)
    assert sum(part.nbytes for part in stored.values()) == stored_bytes(tuple(weight.shape), chosen)
    found = BaseCompressor.get_value_from_registry(chosen.format.value).decompress(stored, chosen)["weight"]
    exact, scale = weight.float(), stored["weight_scale"].repeat_interleave(group if "int4" in method else weight.shape[1], 1)
    half = torch.maximum(exact.abs() / 16, scale / 1024) if "fp8" in method else scale * 0.5
    assert ((exact - found).abs() <= half * 1.0001 + exact.abs() * 1e-6).all()


@pytest.mark.parametrize("method", METHODS)
def test_the_same_bits_as_llm_compressors_rounding(method, merged, quantise, tmp_path):
    from llmcompressor.modifiers.quantization import QuantizationModifier

    half = as_bfloat16(merged, tmp_path / "half")
    ours = quantise(input=half, method=method)
    (theirs := tmp_path / "theirs").mkdir()
    chosen = scheme(QuantizationConfig(input=half, method=method, group_size=32))
    one_shot(theirs, open_for(half), half, [QuantizationModifier(config_groups={"matrices": chosen}, ignore=["lm_head"])])
    stored, expected = (load_file(directory / "model.safetensors") for directory in (ours, theirs))
    assert stored.keys() == expected.keys()
    assert not [name for name, tensor in stored.items() if tensor.dtype != expected[name].dtype]
    assert not [name for name, tensor in stored.items() if not torch.equal(tensor.view(torch.uint8), expected[name].view(torch.uint8))]
    assert torch.equal(load_model(ours)(torch.tensor([[1, 2, 3]])).logits, load_model(theirs)(torch.tensor([[1, 2, 3]])).logits)


@pytest.mark.parametrize("method", METHODS)
def test_the_plan_is_what_happens(method, merged, quantise):
    """Bytes told beforehand are those of the result, and transformers loads it to the planned matrices' values on a grid."""
    config = QuantizationConfig(input=merged, method=method, group_size=32)
    planned = plan(open_checkpoint(merged), config)
    out = quantise(method=method)
    made = json.loads((out / "quantization.json").read_text())
    assert made["bytes"] == {"before": sum(one.before for one in planned), "after": sum(one.after for one in planned)}
    exact, found = (dict(load_model(directory).named_parameters()) for directory in (merged, out))
    changed = {name for name, tensor in exact.items() if not torch.equal(tensor, found[name])}
    assert changed == {one.name for one in planned if one.quantised}
    assert made["tensors"] == {"quantised": 14, "kept": len(planned) - 14}


def test_what_is_ignored_stays(merged, quantise):
    out = quantise(method="int4-rtn", ignore=("lm_head", r"re:.*\.0\..*", "model.layers.1.mlp.up_proj"))
    exact, found = (dict(load_model(directory).named_parameters()) for directory in (merged, out))
    changed = {name for name, tensor in exact.items() if not torch.equal(tensor, found[name])}
    assert len(changed) == 6 and not [name for name in changed if ".0." in name or "up_proj" in name]


def test_shards_hold_the_same(merged, quantise):
    whole, parts = quantise("whole", method="int4-rtn"), quantise("parts", method="int4-rtn", shard_megabytes=0.02)
    index = json.loads((parts / "model.safetensors.index.json").read_text())["weight_map"]
    assert len(set(index.values())) == len(list(parts.glob("model-*-of-*.safetensors"))) > 2
    stored, expected = {name: load_file(parts / file)[name] for name, file in index.items()}, load_file(whole / "model.safetensors")
    assert stored.keys() == expected.keys() and all(torch.equal(stored[name], tensor) for name, tensor in expected.items())
    assert torch.equal(load_model(parts)(torch.tensor([[1, 2]])).logits, load_model(whole)(torch.tensor([[1, 2]])).logits)
