"""A product of integers is exact on every processor: one without VNNI adds pairs in 16 bits, which saturate, unless it is told not to."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pipeline.runtime.onnx_runtime import open_session

SHAPE = (64, 16)


@pytest.mark.parametrize("mapped", [False, True])
def test_the_largest_products_do_not_saturate(tmp_path, mapped):
    """Weights and activations at the ends of their ranges: 2 x 255 x 127 is beyond 16 bits."""
    weights = np.full(SHAPE, 127, np.int8)
    nodes = [helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
             helper.make_node("MatMulInteger", ["q", "w", "zero"], ["y"])]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, SHAPE[0]])],
                              [helper.make_tensor_value_info("y", TensorProto.INT32, [1, SHAPE[1]])],
                              [numpy_helper.from_array(weights, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), tmp_path / "model.onnx")
    found, = open_session(tmp_path / "model.onnx", 1, mapped=mapped).run(None, {"x": np.ones((1, SHAPE[0]), np.float32)})
    assert found.tolist() == [[255 * 127 * SHAPE[0]] * SHAPE[1]]
