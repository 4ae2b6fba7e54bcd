"""Phase 14: the formats beside each other, one decision of each in turns, so that what the machine does hits all of them alike."""

from contextlib import suppress
from dataclasses import replace

import pytest

from fixtures.check import not_measured
from pipeline.environment import UnavailableError
from pipeline.measure.in_turns import latency_in_turns
from pipeline.runtime import why_not_here

FORMATS = {"coreml-int8": "Core ML INT8", "onnx-coreml-fp16": "ONNX fp16 on the CoreML provider", "mlx-4bit": "MLX in 4 bits",
           "litert-int8": "LiteRT INT8"}


@pytest.fixture
def executed(int8_model, in_format, profile, settings, request):
    """The formats that something executes here."""
    if "behaviour" not in profile.tells and not settings.host["is_m4"]:
        not_measured(request.node, "at full size the formats are compared on an Apple M4: MLX takes seconds a decision on another CPU")
    found = [int8_model]
    for name in FORMATS:
        with suppress(UnavailableError):
            found += [] if why_not_here(name.rpartition("-")[0]) else [in_format(name)]
    return found


def test_the_formats_in_turns_beside_the_targets(check, executed, queries):
    for subject, sample in zip(executed, latency_in_turns(executed, queries), strict=True):
        title = FORMATS.get(subject.name, "ONNX INT8")
        check.observe(f"formats.{subject.name}", f"a decision of {title}, in turns with the others",
                      f"{title} 单次决策耗时（与其他格式轮流测量）", "14 formats", replace(sample, metric="latency_in_turns"))
