"""Phase 4: INT8 keeps the accuracy, is small, and is fast."""

import pytest

from pipeline.measure.loss import paired_accuracy
from pipeline.measure.size import size
from pipeline.measure.speedup import speedup


@pytest.mark.claim("quantization.accuracy_loss")
def test_int8_keeps_the_accuracy(check, torch_decisions, int8_decisions, challenge):
    check(paired_accuracy(torch_decisions, int8_decisions, challenge))


@pytest.mark.claim("quantization.size")
def test_int8_is_small(check, int8_model):
    check(size(int8_model))


@pytest.mark.claim("quantization.speedup")
def test_int8_is_fast(check, fp32_model, int8_model, queries):
    check(speedup(fp32_model, int8_model, queries))
