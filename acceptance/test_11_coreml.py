"""Phase 11: the Core ML programs mean what the torch model does.  They are read and executed in numpy, not by Core ML."""

import pytest

from pipeline.measure.agreement import agreement
from pipeline.measure.decisions import decide_all, queries_of
from pipeline.measure.loss import paired_accuracy
from pipeline.measure.program import program_difference, program_faults, program_weights

FORMATS = ("coreml-fp16", "coreml-int8", "coreml-palette4")


@pytest.mark.claim("coreml.fp16")
def test_the_fp16_program(check, program):
    check(program_difference(program("coreml-fp16")))


@pytest.mark.claim("coreml.int8")
def test_the_int8_program(check, program):
    check(program_difference(program("coreml-int8")))


@pytest.mark.claim("coreml.palette4")
def test_the_palette_program(check, program):
    check(program_difference(program("coreml-palette4")))


@pytest.mark.claim("coreml.fp16_weights")
def test_the_fp16_weights(check, program):
    check(program_weights(program("coreml-fp16")))


@pytest.mark.claim("coreml.int8_weights")
def test_the_int8_weights(check, program):
    check(program_weights(program("coreml-int8")))


@pytest.mark.claim("coreml.palette4_weights")
def test_the_palette_weights(check, program):
    check(program_weights(program("coreml-palette4")))


@pytest.mark.claim("coreml.range")
def test_everything_is_in_range(check, program):
    check(program_faults([program(name) for name in FORMATS]))


@pytest.mark.claim("coreml.agreement")
def test_fp16_agrees_with_torch(check, torch_decisions, as_program, some_challenges):
    some = queries_of(some_challenges)
    check(agreement(torch_decisions.among(some), decide_all(as_program("coreml-fp16"), some)))


@pytest.mark.claim("coreml.int8_accuracy_loss")
def test_int8_keeps_the_accuracy(check, torch_decisions, as_program, some_challenges):
    check(paired_accuracy(torch_decisions, decide_all(as_program("coreml-int8"), queries_of(some_challenges)), some_challenges))


@pytest.mark.claim("coreml.palette4_accuracy_loss")
def test_palettes_keep_the_accuracy(check, torch_decisions, as_program, some_challenges):
    check(paired_accuracy(torch_decisions, decide_all(as_program("coreml-palette4"), queries_of(some_challenges)), some_challenges))
