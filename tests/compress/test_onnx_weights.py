from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.compress import Source
from pipeline.compress.nbits import Form, quantise
from pipeline.compress.onnx_weights import dense_weights, pack, unpack
from tests.compress.graphs import logits, small_graph
from tests.export.tiny_qwen3 import compress

FORMS = [("int4", {"bits": bits, "method": method, "embedding": embedding})
         for method, bits, embedding in (("rtn", 2, "int4"), ("rtn", 4, "int8"), ("rtn", 8, "float32"), ("hqq", 2, "int4"),
                                         ("hqq", 4, "int8"), ("k_quant", 2, "int4"), ("k_quant", 4, "int4"), ("k_quant", 8, "int8"))]
FORMS += [("int4", {"symmetric": True}), ("int4", {"symmetric": True, "bits": 2}), ("int4", {"symmetric": True, "bits": 8}), ("fp16", {})]


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    random = np.random.default_rng(0)
    return small_graph(tmp_path_factory.mktemp("small") / "fp32", random.normal(size=(96, 5)), random.normal(size=(40, 96)))


def served(weights: dict[str, np.ndarray], prompts: list[list[int]]) -> np.ndarray:
    return np.array([weights["table"][ids].mean(0) @ weights["matrix"] for ids in prompts])


PROMPTS = [[0], [1, 39], [7, 7, 8, 21]]


@pytest.mark.parametrize(("name", "given_settings"), FORMS, ids=str)
def test_the_dense_values_are_those_that_the_session_multiplies_with(small, tmp_path, name, given_settings):
    """96 inputs are three groups of 32: zero points of 2 and 4 bits end within a byte."""
    compress(name, tmp_path / "out", Source(small), **given_settings)
    weights = dict(dense_weights(tmp_path / "out" / "model.onnx"))
    assert weights.keys() == {"matrix", "table"}
    np.testing.assert_allclose(logits(tmp_path / "out", PROMPTS), served(weights, PROMPTS), atol=2e-5)


@pytest.mark.parametrize("symmetric", [False, True])
def test_int8_and_what_the_library_writes_by_itself(small, tmp_path, symmetric):
    """Names and forms of other writers: DequantizeLinear before MatMul, which a session turns into a product with int8 activations,
    and element types of 4 bits in a look-up."""
    from onnxruntime.quantization import QuantFormat
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    compress("int8", tmp_path / "int8", Source(small))
    for kind, types in ((QuantFormat.QOperator, ("MatMul", "Gather")), (QuantFormat.QDQ, ("MatMul",))):
        made = MatMulNBitsQuantizer(onnx.load(str(small / "model.onnx")), 4, 32, symmetric, quant_format=kind, op_types_to_quantize=types)
        made.process()
        (out := tmp_path / kind.name).mkdir()
        made.model.save_model_to_file(str(out / "model.onnx"))
        (out / "runtime.json").write_bytes((small / "runtime.json").read_bytes())
    for out, close in ((tmp_path / "int8", 0.05), (tmp_path / "QOperator", 2e-5), (tmp_path / "QDQ", 0.2)):
        weights = dict(dense_weights(out / "model.onnx"))
        assert weights.keys() == {"matrix", "table"}, out
        np.testing.assert_allclose(logits(out, PROMPTS), served(weights, PROMPTS), atol=close, err_msg=str(out))


def test_rounding_to_nearest_is_within_half_a_step_everywhere(fp32, tmp_path):
    compress("int4", tmp_path / "out", Source(fp32), embedding="int4")
    exact, found = (dict(dense_weights(directory / "model.onnx")) for directory in (fp32, tmp_path / "out"))
    assert exact.keys() == found.keys() and len(exact) == 16
    for name, matrix in exact.items():
        rows = matrix if name == "embedding.weight" else matrix.T
        off = np.abs(rows - (found[name] if name == "embedding.weight" else found[name].T))
        scales = quantise(rows, Form(4, 32), name).scales
        assert (off.reshape(*scales.shape, 32) <= scales[..., None] / 2 * 1.0001).all(), name


@given(st.sampled_from([2, 4, 8]), st.integers(1, 3), st.integers(1, 9), st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_packing_is_undone(bits, rows, width, seed):
    codes = np.random.default_rng(seed).integers(0, 2**bits, (rows, width), dtype=np.uint8)
    assert (unpack(pack(codes, bits), bits)[:, :width] == codes).all()
