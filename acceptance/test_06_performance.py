"""Phase 6: latency, memory and power of the model that ships, each in a process of its own."""

import pytest

from pipeline.measure.cold_start import cold_start
from pipeline.measure.latency import client_decision, latency
from pipeline.measure.memory import memory
from pipeline.measure.power import power


@pytest.fixture(scope="module")
def shipped_latency(shipped, queries, settled):
    return latency(shipped, queries, settled=settled("latency.p50", "latency.p95"))


@pytest.fixture(scope="module")
def turns(in_turns, shipped, queries):
    return in_turns(shipped, queries)


@pytest.mark.claim("latency.p50")
def test_p50(check, shipped_latency, turns):
    check(shipped_latency, turns)


@pytest.mark.claim("latency.p95")
def test_p95(check, shipped_latency, turns):
    check(shipped_latency, turns)


@pytest.mark.claim("memory.peak_rss")
def test_memory(check, shipped, queries):
    check(memory(shipped, queries, definition="peak_rss"))


@pytest.mark.claim("power.added")
def test_power(check, shipped, queries):
    check(power(shipped, queries))


def test_the_clients_wait_beside_the_targets(check, shipped, queries):
    check.observe("performance.client_decision", "a decision as its client sees it", "客户端所见的决策耗时",
                  "6 performance", client_decision(shipped, queries))


def test_cold_start_beside_the_targets(check, shipped, queries):
    check.observe("performance.cold_start", "process start to first decision", "冷启动时间（进程启动至首次决策）",
                  "6 performance", cold_start(shipped, queries[0]))
