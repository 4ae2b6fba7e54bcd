"""Phase 7: what the device answers and what goes to the cloud."""

import pytest

from pipeline.measure.measurement import NotMeasured
from pipeline.measure.routing import edge_share, routing, routing_against


@pytest.mark.claim("routing.accuracy")
def test_routes_are_right(check, int8_decisions, challenge):
    check(routing(int8_decisions, challenge))


@pytest.mark.claim("routing.edge_share")
def test_the_device_answers_most(check, int8_decisions, challenge, profile):
    check(edge_share(int8_decisions, challenge, profile.data.scenario_mix))


@pytest.mark.claim("routing.beats_always_edge")
def test_routing_beats_always_edge(check, int8_decisions, challenge):
    check(routing_against(int8_decisions, challenge, "always-edge"))


@pytest.mark.claim("routing.beats_always_cloud")
def test_routing_beats_always_cloud(check, int8_decisions, challenge):
    check(routing_against(int8_decisions, challenge, "always-cloud"))


@pytest.mark.claim("end_to_end.p95")
def test_end_to_end(check):
    check(NotMeasured("end_to_end", "ms", reason="no gateway answers queries yet, so there is no answer to wait for; the "
                      "decision alone, as its client sees it, stands among the observations"))
