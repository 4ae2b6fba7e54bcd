"""Phase 13: the model in LiteRT's format decides as PyTorch does, as float32 and as INT8; converted apart, executed here."""

import pytest

from pipeline.measure.agreement import agreement
from pipeline.measure.loss import paired_accuracy
from pipeline.measure.size import size


@pytest.mark.claim("litert.agreement")
def test_litert_agrees_with_torch(check, litert, decide, torch_decisions):
    check(agreement(torch_decisions, decide(litert("fp32"))))


@pytest.mark.claim("litert.accuracy_loss")
def test_litert_int8_keeps_the_accuracy(check, litert, decide, torch_decisions, challenge):
    check(paired_accuracy(torch_decisions, decide(litert("int8")), challenge))


def test_litert_int8_beside_the_targets(check, litert, decide, torch_decisions):
    int8 = litert("int8")
    check.observe("litert.agreement_int8", "LiteRT's INT8 agrees with PyTorch", "LiteRT INT8 与 PyTorch 的预测一致率", "13 LiteRT",
                  agreement(torch_decisions, decide(int8)))
    check.observe("litert.size_int8", "LiteRT's INT8, with all that serves it", "LiteRT INT8 部署文件体积", "13 LiteRT", size(int8))
