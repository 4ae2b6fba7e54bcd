"""A compressed-tensors directory as it is served: inputs are rounded as well as weights."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.compress import Source
from pipeline.edge.classifier import Classifier
from pipeline.errors import EdgeError
from pipeline.measure.subject import Subject
from pipeline.precision.decisions import decide_served
from pipeline.runtime import load
from pipeline.runtime.torch_quantised_runtime import load_served
from pipeline.runtime.torch_runtime import load_model
from tests.compress.calibrated import source_of
from tests.export.tiny_qwen3 import compress

MATRIX = "model.layers.0.self_attn.q_proj"
FP8_MAX = 448


@pytest.fixture(scope="module", params=["dynamic", "static"])
def fp8(request, merged, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fp8")
    compress("fp8", folder / "out", source_of(merged, folder) if request.param == "static" else Source(merged), activations=request.param)
    return request.param, folder / "out"


def test_a_matrix_takes_its_input_in_eight_bits(fp8):
    activations, out = fp8
    served, dense = (side.get_submodule(MATRIX) for side in (load_served(out), load_model(out)))
    torch.manual_seed(1)
    given = torch.randn(1, 3, served.in_features)
    scale = load_file(out / "model.safetensors")[f"{MATRIX}.input_scale"] if activations == "static" \
        else given.abs().amax(-1, keepdim=True) / FP8_MAX
    rounded = (given / scale).clamp(-FP8_MAX, FP8_MAX).to(torch.float8_e4m3fn).float() * scale
    assert torch.equal(served.weight, dense.weight)
    assert torch.allclose(served(given), dense(rounded), atol=1e-6) and not torch.allclose(served(given), dense(given), atol=1e-3)


def test_without_quantised_inputs_it_is_the_model(merged):
    ids = torch.tensor([[1, 2, 3]])
    with torch.inference_mode():
        assert torch.equal(load_served(merged)(ids).logits, load_model(merged)(ids).logits)


def test_it_is_a_backend_like_the_others(fp8):
    _, out = fp8
    assert load(out, [1, 2], 1, "torch-quantised").logits([3, 4, 5]).shape == (2,)


def test_many_at_once_decide_as_one_by_one(fp8, decision):
    _, out = fp8
    queries = ["今天天气怎么样", "现在几点了", "If it rains tomorrow", "几点", "判断意图", "system user", "现在几点了"]
    found = decide_served(Subject("fp8", out, decision, 1, {"fp8": "key"}), queries)
    alone = Classifier.open(out, decision, 1, "torch-quantised")
    assert found.queries == list(dict.fromkeys(queries)) and found.conditions["backend"] == "torch-quantised"
    for query in queries:
        one, expected = found.of(query), alone.decide(query)
        assert one.intent == expected.intent and one.logits == pytest.approx(expected.logits, abs=1e-3)


def test_a_static_scale_that_is_gone_is_told(fp8, tmp_path):
    activations, out = fp8
    if activations == "dynamic":
        pytest.skip("there are no static scales")
    for file in out.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tensors = load_file(out / "model.safetensors")
    del tensors[f"{MATRIX}.input_scale"]
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(EdgeError, match=rf"{MATRIX}.input_scale.*; build it again"):
        load_served(tmp_path)
