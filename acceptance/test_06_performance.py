"""Phase 6: latency, memory and power of the model that ships, each in a process of its own."""

import pytest

from pipeline.measure.cold_start import cold_start
from pipeline.measure.latency import client_decision, latency
from pipeline.measure.memory import memory
from pipeline.measure.power import power


@pytest.fixture(scope="module")
def int8_latency(int8_model, queries, settled):
    return latency(int8_model, queries, settled=settled("latency.p50", "latency.p95"))


@pytest.fixture(scope="module")
def turns(in_turns, int8_model, queries):
    return in_turns(int8_model, queries)


@pytest.mark.claim("latency.p50")
def test_p50(check, int8_latency, turns):
    check(int8_latency, turns)


@pytest.mark.claim("latency.p95")
def test_p95(check, int8_latency, turns):
    check(int8_latency, turns)


@pytest.mark.claim("memory.peak_rss")
def test_memory(check, int8_model, queries):
    check(memory(int8_model, queries, definition="peak_rss"))


@pytest.mark.claim("power.added")
def test_power(check, int8_model, queries):
    check(power(int8_model, queries))


def test_the_clients_wait_beside_the_targets(check, int8_model, queries):
    check.observe("performance.client_decision", "a decision as its client sees it", "客户端所见的决策耗时",
                  "6 performance", client_decision(int8_model, queries))


def test_cold_start_beside_the_targets(check, int8_model, queries):
    check.observe("performance.cold_start", "process start to first decision", "冷启动时间（进程启动至首次决策）",
                  "6 performance", cold_start(int8_model, queries[0]))
