"""Phase 3: intent accuracy on queries from grammars that training never saw."""

import pytest

from pipeline.measure.accuracy import accuracy
from pipeline.measure.calibration import expected_calibration_error


@pytest.mark.claim("accuracy.merged")
def test_the_trained_model_is_accurate(check, torch_decisions, challenge):
    check(accuracy(torch_decisions, challenge))


@pytest.mark.claim("accuracy.int8")
def test_the_model_that_ships_is_accurate(check, shipped_decisions, challenge):
    check(accuracy(shipped_decisions, challenge))


def test_figures_beside_the_target(check, shipped_decisions, challenge, documented_test):
    check.observe("accuracy.documented_test", "accuracy on the documented test set of 100", "文档测试集（100 条）准确率",
                  "3 accuracy", accuracy(shipped_decisions, documented_test))
    check.observe("calibration.ece", "expected calibration error", "期望校准误差（ECE）",
                  "3 accuracy", expected_calibration_error(shipped_decisions, challenge))
