"""Phase 11, the Neural Engine: what would run on it, told by the files; on the Mac whether it does, and how well."""

from dataclasses import replace

import pytest

from pipeline.measure.agreement import agreement
from pipeline.measure.decisions import decide_all, queries_of
from pipeline.measure.latency import latency
from pipeline.measure.logit_difference import logit_difference
from pipeline.measure.memory import memory
from pipeline.measure.placement import on_the_neural_engine, placement, run_by_core_ml
from pipeline.measure.power import power
from pipeline.measure.preflight import products_elsewhere


@pytest.mark.claim("neural_engine.coreml_products")
def test_it_takes_every_product_of_the_program(check, in_format):
    check(products_elsewhere(in_format("coreml-int8")))


@pytest.mark.claim("neural_engine.onnx_products")
def test_it_takes_every_product_of_the_graph(check, in_format):
    check(products_elsewhere(in_format("onnx-coreml-fp16")))


def test_what_ships_beside_the_targets(check, int8_model):
    check.observe("neural_engine.int8_products", "products of the INT8 ONNX model that would miss the Neural Engine",
                  "INT8 ONNX 模型中不在神经引擎上执行的矩阵乘法数", "11 Core ML", products_elsewhere(int8_model))


@pytest.mark.claim("onnx_coreml.float16")
def test_the_graph_stays_within_float16(check, torch_decisions, as_program, some_challenges):
    some = queries_of(some_challenges[::10])
    check(logit_difference(torch_decisions.among(some), decide_all(as_program("onnx-coreml-fp16"), some)))


@pytest.mark.claim("onnx_coreml.agreement")
def test_the_float16_graph_agrees_with_torch(check, torch_decisions, decide, in_format):
    check(agreement(torch_decisions, decide(replace(in_format("onnx-coreml-fp16"), backend="onnx-coreml-cpu"))))


@pytest.mark.claim("coreml.executed")
def test_core_ml_executes_what_torch_computes(check, torch_decisions, decide, executes, in_format):
    executes("coreml")
    check(agreement(torch_decisions, decide(in_format("coreml-fp16"))))


@pytest.mark.claim("onnx_coreml.executed")
def test_the_provider_executes_what_torch_computes(check, torch_decisions, decide, executes, in_format, queries):
    executes("onnx-coreml")
    subject = in_format("onnx-coreml-fp16")
    check(run_by_core_ml(agreement(torch_decisions, decide(subject)), placement(subject, queries)))


@pytest.fixture
def engine(executes, in_format):
    executes("coreml")
    return in_format("coreml-int8")


@pytest.fixture(scope="module")
def placed(queries):
    known = {}  # by model: one is placed once
    return lambda subject: known.get(subject.model) or known.setdefault(subject.model, placement(subject, queries))


@pytest.fixture
def on_engine(placed, engine, settings):
    """A measurement of the model, invalid unless the Neural Engine did the work."""
    least = settings.thresholds.claim("neural_engine.share").target
    return lambda measurement: on_the_neural_engine(measurement, placed(engine), least)


@pytest.mark.claim("neural_engine.share")
def test_its_share(check, placed, engine):
    check(placed(engine))


@pytest.mark.claim("neural_engine.p95")
def test_its_latency(check, on_engine, engine, queries, settled):
    check(on_engine(latency(engine, queries, settled=settled("neural_engine.p95"))))


@pytest.mark.claim("neural_engine.power")
def test_its_power(check, on_engine, engine, queries):
    check(on_engine(power(engine, queries)))


@pytest.mark.claim("neural_engine.footprint")
def test_its_memory(check, on_engine, engine, queries):
    check(on_engine(memory(engine, queries, definition="footprint")))
