"""Phase 5: the exported ONNX model decides as PyTorch does."""

import pytest

from pipeline.measure.agreement import agreement
from pipeline.measure.size import size


@pytest.mark.claim("onnx.agreement")
def test_onnx_agrees_with_torch(check, torch_decisions, fp32_decisions):
    check(agreement(torch_decisions, fp32_decisions))


@pytest.mark.claim("onnx.size")
def test_the_onnx_file_is_small(check, int8_model):
    check(size(int8_model, of="onnx"))


def test_int8_agreement_beside_the_target(check, torch_decisions, int8_decisions):
    check.observe("onnx.agreement_int8", "the INT8 model agrees with PyTorch", "INT8 与 PyTorch 的预测一致率",
                  "5 ONNX", agreement(torch_decisions, int8_decisions))
