"""Phase 12: the documented MLX route keeps the decisions, is small, and is fast on Metal."""

import pytest

from fixtures.claims import target_of, why_not_here
from fixtures.options import settings_of
from pipeline.measure.agreement import agreement
from pipeline.measure.decisions import decide_all, queries_of
from pipeline.measure.latency import latency
from pipeline.measure.loss import paired_accuracy
from pipeline.measure.memory import memory
from pipeline.measure.size import size


@pytest.fixture(autouse=True)
def counts_here(request, check):
    """Nothing is converted for an indicative figure: MLX's CPU backend takes seconds a decision at full size, and Metal does not."""
    if reason := why_not_here(target_of(request.node), settings_of(request.config)):
        check.not_measured(reason)


@pytest.fixture
def mlx(in_format, executes):
    executes("mlx")
    return lambda variant: in_format(f"mlx-{variant}")


@pytest.fixture
def some(challenge):
    """Every third query, as many as each target asks: on the CPU, MLX takes tens of milliseconds for one."""
    return challenge[::3]


@pytest.fixture
def decided(mlx, some, uncaptured):
    def decide(variant):
        with uncaptured():
            return decide_all(mlx(variant), queries_of(some))

    return decide


@pytest.mark.claim("mlx.agreement")
def test_mlx_agrees_with_torch(check, torch_decisions, decided, some):
    check(agreement(torch_decisions.among(queries_of(some)), decided("fp32")))


@pytest.mark.claim("mlx.accuracy_loss")
def test_four_bits_keep_the_accuracy(check, torch_decisions, decided, some):
    check(paired_accuracy(torch_decisions, decided("4bit"), some))


@pytest.mark.claim("mlx.size")
def test_four_bits_are_small(check, mlx):
    check(size(mlx("4bit")))


@pytest.mark.claim("mlx.p95")
def test_four_bits_are_fast(check, mlx, queries, settled):
    check(latency(mlx("4bit"), queries, settled=settled("mlx.p95")))


@pytest.mark.claim("mlx.memory")
def test_four_bits_take_little_memory(check, mlx, queries):
    check(memory(mlx("4bit"), queries, definition="footprint"))
