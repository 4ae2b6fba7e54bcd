from __future__ import annotations

import json
import shutil

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from pipeline.compress import Source, onnx_files, technique
from pipeline.compress.onnx_weights import dense_weights
from pipeline.compress.plan import plan_of
from pipeline.compress.techniques.pack import _grouped
from pipeline.errors import EdgeError
from pipeline.runtime import load
from pipeline.runtime.torch_runtime import load_model
from tests.compress.calibrated import round_to_nearest, source_of
from tests.export.tiny_qwen3 import compress

PROMPT = [3, 50, 7, 120, 9, 200, 31]
FLOAT = {"activations": "float32", "embedding": "float32"}


@pytest.fixture(scope="module")
def quantised(merged, fp32, tmp_path_factory):
    """GPTQ's directory, and the graph as it is exported from it."""
    folder = tmp_path_factory.mktemp("pack")
    compress("gptq", folder / "gptq", source_of(merged, folder / "data"), group=32)
    return Source(graph_of(fp32, folder / "gptq", folder / "graph"), origin=folder / "gptq")


@pytest.fixture(scope="module")
def packed(quantised, tmp_path_factory):
    out = tmp_path_factory.mktemp("packed") / "out"
    compress("pack", out, quantised, **FLOAT)
    return out


def graph_of(fp32, origin, out):
    """The exported graph with the matrices of ``origin`` in it: what another export would give, in no time."""
    shutil.copytree(fp32, out)
    model, dense = onnx.load(str(out / "model.onnx")), load_model(origin)
    names = {"q": "self_attn.q_proj", "k": "self_attn.k_proj", "v": "self_attn.v_proj", "o": "self_attn.o_proj",
             "gate": "mlp.gate_proj", "up": "mlp.up_proj", "down": "mlp.down_proj"}
    for tensor in model.graph.initializer:
        if tensor.name.startswith("layers.") and (last := tensor.name.split(".")[-2]) in names:
            weight = dense.get_parameter(f"model.layers.{tensor.name.split('.')[1]}.{names[last]}.weight").detach().T
            tensor.CopyFrom(numpy_helper.from_array(weight.contiguous().numpy(), tensor.name))
    onnx.save(model, str(out / "model.onnx"))
    return out


def logits(directory):
    return load(directory, json.loads((directory / "runtime.json").read_text())["label_ids"], 1).logits(PROMPT)


def test_the_served_weights_are_gptqs_to_the_last_bit(quantised, packed):
    dense = load_model(quantised.origin)
    served = dict(dense_weights(packed / "model.onnx"))
    for part, name in (("attention.q", "self_attn.q_proj"), ("attention.o", "self_attn.o_proj"), ("mlp.down", "mlp.down_proj")):
        for layer in (0, 1):
            exact = dense.get_parameter(f"model.layers.{layer}.{name}.weight").detach().numpy().T
            assert np.array_equal(served[f"layers.{layer}.{part}.weight"], exact)
    report = json.loads((packed / "compression.json").read_text())
    assert report["packed"] == report["quantised_nodes"] == 2 * 7 and set(report["error"].values()) == {0.0}
    assert len(report["left_in_float"]) == 1  # the head
    assert json.loads((packed / "runtime.json").read_text())["weights"] == "int4"
    assert np.abs(logits(packed) - logits(quantised.model)).max() < 1e-4


def test_int8_activations_and_embedding_are_close_and_small(quantised, packed, tmp_path):
    compress("pack", tmp_path / "out", quantised, activations="int8")
    exact, found = logits(quantised.model), logits(tmp_path / "out")
    assert 0 < np.abs(found - exact).max() < np.std(exact) / 2
    assert (tmp_path / "out" / "model.onnx").stat().st_size < (packed / "model.onnx").stat().st_size * 0.8
    levels = {attribute.i for node in onnx.load(str(tmp_path / "out" / "model.onnx")).graph.node if node.op_type == "MatMulNBits"
              for attribute in node.attribute if attribute.name == "accuracy_level"}
    assert levels == {4}


@pytest.mark.parametrize("bits, symmetric", [(8, False), (8, True), (4, True)])
def test_every_form_of_code(merged, fp32, tmp_path, bits, symmetric):
    origin = round_to_nearest(merged, tmp_path / "rtn", bits=bits, symmetric=symmetric)
    graph = graph_of(fp32, origin, tmp_path / "graph")
    compress("pack", tmp_path / "out", Source(graph, origin=origin), **FLOAT)
    assert set(json.loads((tmp_path / "out" / "compression.json").read_text())["error"].values()) == {0.0}
    assert np.abs(logits(tmp_path / "out") - logits(graph)).max() < 1e-4


def test_weights_off_the_grid_are_refused(quantised, tmp_path):
    """One weight of 82,000 is moved by a hair."""
    graph = shutil.copytree(quantised.model, tmp_path / "graph")
    model = onnx.load(str(graph / "model.onnx"))
    for tensor in model.graph.initializer:
        if tensor.name == "layers.1.mlp.up.weight":
            moved = numpy_helper.to_array(tensor).copy()
            moved[5, 7] = np.nextafter(moved[5, 7], 9)
            tensor.CopyFrom(numpy_helper.from_array(moved, tensor.name))
    onnx.save(model, str(graph / "model.onnx"))
    with pytest.raises(EdgeError, match=r"^layers\.1\.mlp\.up\.weight: expected the values of the codes in .*, found 1 others"):
        compress("pack", tmp_path / "out", Source(graph, origin=quantised.origin))
    assert not list((tmp_path / "out").iterdir())


def test_what_holds_no_codes_and_what_is_packed_already_is_refused(merged, fp32, quantised, packed, tmp_path):
    with pytest.raises(EdgeError, match="expected integer codes of the graph's matrices, found none"):
        compress("pack", tmp_path / "out", Source(fp32, origin=merged))
    with pytest.raises(EdgeError, match="expected fp32 weights, found int4"):
        compress("pack", tmp_path / "out", Source(packed, origin=quantised.origin))


def test_weights_beyond_one_protobuf_lie_beside_the_graph(quantised, packed, tmp_path, monkeypatch):
    graph = tmp_path / "graph"
    graph.mkdir()
    shutil.copy(quantised.model / "runtime.json", graph)
    onnx.save(onnx.load(str(quantised.model / "model.onnx")), str(graph / "model.onnx"), save_as_external_data=True,
              location="model.onnx.data")
    monkeypatch.setattr(onnx_files, "MAPPED_BEYOND", 1000)
    compress("pack", tmp_path / "out", Source(graph, origin=quantised.origin), **FLOAT)
    assert (tmp_path / "out" / "model.onnx.data").stat().st_size > 50_000
    assert np.array_equal(logits(tmp_path / "out"), logits(packed))


def test_twice_the_same_bytes_and_no_word(quantised, packed, tmp_path, capfd):
    compress("pack", tmp_path / "out", quantised, **FLOAT)
    assert capfd.readouterr() == ("", "")
    assert (tmp_path / "out" / "model.onnx").read_bytes() == (packed / "model.onnx").read_bytes()


@settings(max_examples=30, deadline=None)
@given(bits=st.sampled_from([4, 8]), group=st.sampled_from([16, 32, 64, 96, 512]), groups=st.integers(1, 3), eights=st.integers(1, 3),
       symmetric=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_law_codes_stand_for_the_same_values_in_both_forms(bits, group, groups, eights, symmetric, seed):
    """Also where the number of groups is odd, and where MatMulNBits takes no group so wide."""
    from compressed_tensors.compressors.pack_quantized.helpers import pack_to_int32

    random, rows, width, low = np.random.default_rng(seed), eights * 8, group * groups, 2 ** (bits - 1)
    codes = torch.tensor(random.integers(-low, low, (rows, width)), dtype=torch.int8)
    zeros = torch.tensor(random.integers(-low, low, (rows, groups)), dtype=torch.int8)
    scales = torch.tensor(random.uniform(1e-3, 1, (rows, groups)), dtype=torch.float32)
    found = _grouped("m", pack_to_int32(codes, bits), scales, None if symmetric else pack_to_int32(zeros, bits, packed_dim=0), width, False)
    offset = torch.zeros_like(scales) if symmetric else zeros.float()
    exact = (codes.float() - offset.repeat_interleave(group, 1)) * scales.repeat_interleave(group, 1)
    assert np.array_equal(found.values, exact.numpy())


def test_a_group_that_the_kernel_does_not_take_is_refused():
    with pytest.raises(EdgeError, match="found 4 in groups of 24"):
        _grouped("m", torch.zeros(8, 3, dtype=torch.int32), torch.ones(8, 1), None, 24, False)


def test_predicted_bits(merged):
    module, plan = technique("pack"), plan_of(merged).after(matrix_bits=4.5)
    after = module.predict(plan, module.Settings(embedding="int8"))
    assert after.matrix_bits == 4.5 and 8 < after.embedding_bits < 10
    assert module.predict(plan, module.Settings(embedding="float32")).embedding_bits == 32
