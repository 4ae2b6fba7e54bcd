"""Phase 11 on the Mac: the Core ML program as Core ML executes it, and whether the Neural Engine does the work."""

import pytest

from pipeline.measure.latency import latency
from pipeline.measure.memory import memory
from pipeline.measure.placement import on_the_neural_engine, placement
from pipeline.measure.power import power


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
