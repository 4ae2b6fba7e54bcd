"""Phase 7: what the device answers and what goes to the cloud."""

import pytest

from pipeline.measure.routing import cloud_kept, edge_share, routing, routing_against
from pipeline.measure.routing_quality import auroc, relative_cost, risk_coverage


@pytest.mark.claim("routing.accuracy")
def test_routes_are_right(check, shipped_routes, challenge):
    check(routing(shipped_routes, challenge))


@pytest.mark.claim("routing.edge_share")
def test_the_device_answers_most(check, shipped_routes, challenge, profile):
    check(edge_share(shipped_routes, challenge, profile.data.scenario_mix))


@pytest.mark.claim("routing.beats_always_edge")
def test_routing_beats_always_edge(check, shipped_routes, challenge):
    check(routing_against(shipped_routes, challenge, "always-edge"))


@pytest.mark.claim("routing.beats_always_cloud")
def test_routing_beats_always_cloud(check, shipped_routes, challenge):
    check(routing_against(shipped_routes, challenge, "always-cloud"))


@pytest.mark.claim("routing.beats_rules")
def test_routing_beats_the_rules_alone(check, shipped_routes, challenge):
    check(routing_against(shipped_routes, challenge, "rules"))


@pytest.mark.claim("routing.beats_random")
def test_routing_beats_chance(check, shipped_routes, challenge):
    check(routing_against(shipped_routes, challenge, "random"))


@pytest.mark.claim("routing.cloud_kept")
def test_what_needs_the_cloud_gets_there(check, shipped_routes, challenge):
    check(cloud_kept(shipped_routes, challenge))


def test_the_router_beside_the_targets(check, shipped_decisions, challenge, profile):
    check.observe("routing.auroc", "needs the cloud, told by the router's score (AUROC)", "路由得分区分云侧需求的 AUROC",
                  "7 routing", auroc(shipped_decisions, challenge))
    check.observe("routing.risk_coverage", "area under the risk-coverage curve", "风险-覆盖率曲线下面积（AURC）",
                  "7 routing", risk_coverage(shipped_decisions, challenge))
    check.observe("routing.relative_cost", "cost of the scenario against sending all of it to the cloud", "场景成本与“全部云侧”之比",
                  "7 routing", relative_cost(shipped_decisions, challenge, profile.data.scenario_mix, profile.costs.model_dump()))
