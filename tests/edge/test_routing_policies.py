"""Policies, AUROC, risk-coverage curve and cost: laws over all decisions, and faults planted in them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.intents import by_name
from pipeline.edge.router import device_score
from pipeline.errors import EdgeError
from pipeline.measure.decisions import Decisions
from pipeline.measure.policies import POLICIES, routed, routes_of
from pipeline.measure.routing import cloud_kept, rightly_routed, routing, routing_against
from pipeline.measure.routing_quality import auroc, relative_cost, risk_coverage
from pipeline.runtime.decision import CLOUD, LOCAL

INTENTS = ["weather_query", "open_chat"]
COSTS = {LOCAL: 0.01, CLOUD: 1.0}
MIX = {"weather_query": 0.7, "open_chat": 0.3}
# The intent found and its confidence, the intent asked, whether a keyword stands in the query.
rows = st.lists(st.tuples(st.sampled_from(INTENTS), st.sampled_from([0.5, 0.7, 0.9]) | st.floats(0.2, 1), st.sampled_from(INTENTS),
                          st.booleans()), min_size=1, max_size=60)
mixed = rows.filter(lambda found: {row[2] for row in found} == set(INTENTS))


def made(found: list[tuple]) -> tuple[Decisions, list[dict[str, Any]]]:
    """Decisions at the threshold 0.6, and the records they were asked."""
    queries = [f"{'分析' if keyword else '问'}{place}" for place, (*_, keyword) in enumerate(found)]
    intents, confidences = [row[0] for row in found], [row[1] for row in found]
    routes = [LOCAL if intent == INTENTS[0] and sure >= 0.6 else CLOUD for intent, sure in zip(intents, confidences, strict=True)]
    decisions = Decisions("made", INTENTS, 1.0, queries, intents, confidences, routes, [[0.0, 0.0]] * len(queries))
    records = [{"query": query, "intent": row[2], "should_route_to_cloud": by_name(row[2]).route == CLOUD}
               for query, row in zip(queries, found, strict=True)]
    return decisions, records


@settings(deadline=None)
@given(rows)
def test_what_ships_is_the_combined_policy_and_routing_twice_changes_nothing(found: list[tuple]) -> None:
    decisions, records = made(found)
    ships = routed(decisions)
    assert ships.routes == routes_of("combined", decisions, records) == routes_of("combined", ships, records)
    assert routed(ships) == ships and ships.intents == decisions.intents
    assert routing(ships, records).outcomes == rightly_routed(ships.routes, records)


@settings(deadline=None)
@given(rows, st.randoms())
def test_a_lottery_sends_as_many_to_the_cloud_and_does_not_mind_the_order(found: list[tuple], dice: Any) -> None:
    decisions, records = made(found)
    drawn, ships = (routes_of(policy, decisions, records) for policy in ("random", "combined"))
    assert Counter(drawn) == Counter(ships)
    by_query = {record["query"]: route for record, route in zip(records, drawn, strict=True)}
    other = dice.sample(records, len(records))
    assert [by_query[record["query"]] for record in other] == routes_of("random", decisions, other)


@settings(deadline=None)
@given(rows)
def test_nothing_is_gained_on_itself(found: list[tuple]) -> None:
    decisions, records = made(found)
    measured = routing_against(routed(decisions), records, "combined")
    assert measured.reference == measured.candidate


def test_an_unknown_policy_is_one_line() -> None:
    decisions, records = made([("weather_query", 0.9, "weather_query", False)])
    with pytest.raises(EdgeError, match="expected one of the policies always-edge, .*found 'always'"):
        routing_against(decisions, records, "always")  # type: ignore[arg-type]


@settings(deadline=None)
@given(mixed)
def test_auroc_is_the_share_of_pairs_in_the_right_order(found: list[tuple]) -> None:
    decisions, records = made([(*row[:3], False) for row in found])
    scores = {flag: [device_score(decisions.of(r["query"])) for r in records if r["should_route_to_cloud"] == flag]
              for flag in (False, True)}
    pairs = [(there > here) + (there == here) / 2 for there in scores[False] for here in scores[True]]
    assert auroc(decisions, records).value == pytest.approx(np.mean(pairs))


@settings(deadline=None)
@given(mixed)
def test_swapped_labels_mirror_the_auroc(found: list[tuple]) -> None:
    decisions, records = made(found)
    swapped = [{**record, "should_route_to_cloud": not record["should_route_to_cloud"]} for record in records]
    assert auroc(decisions, records).value + auroc(decisions, swapped).value == pytest.approx(1)


def test_a_good_model_with_swapped_labels_falls_below_a_half() -> None:
    decisions, records = made([(intent, sure, intent, False) for intent in INTENTS for sure in (0.7, 0.8, 0.9)])
    swapped = [{**record, "should_route_to_cloud": not record["should_route_to_cloud"]} for record in records]
    assert (auroc(decisions, records).value, auroc(decisions, swapped).value) == (1, 0)
    good, bad = (risk_coverage(decisions, labels) for labels in (records, swapped))
    assert good.value == pytest.approx(good.details["best"]) and bad.value > bad.details["best"]


def test_auroc_needs_queries_of_both_kinds() -> None:
    decisions, records = made([("weather_query", 0.9, "weather_query", False)] * 3)
    with pytest.raises(EdgeError, match="found 0 of 3 that do"):
        auroc(decisions, records)


@settings(deadline=None)
@given(rows)
def test_the_curve_ends_where_everything_is_kept_and_is_never_better_than_the_best(found: list[tuple]) -> None:
    decisions, records = made(found)
    measured = risk_coverage(decisions, records)
    curve, needing = measured.details["curve"], np.mean([record["should_route_to_cloud"] for record in records])
    assert curve["coverage"][-1] == 1 and curve["risk"][-1] == pytest.approx(needing)
    assert measured.details["best"] - 1e-9 <= measured.value <= 1


@settings(deadline=None)
@given(rows)
def test_the_router_works_on_its_curve(found: list[tuple]) -> None:
    """Its share and risk are those of the curve there, so the score is the one that the router goes by."""
    decisions, records = made(found)
    details = risk_coverage(decisions, records).details
    operating, kept = details["operating"], routes_of("combined", decisions, records).count(LOCAL)
    if not kept:
        assert operating == {"coverage": 0, "risk": None}
        return
    assert details["curve"]["coverage"][kept - 1] == pytest.approx(operating["coverage"])
    assert details["curve"]["risk"][kept - 1] == pytest.approx(operating["risk"])


@settings(deadline=None)
@given(mixed)
def test_cost_lies_between_the_device_and_the_cloud_and_follows_the_share(found: list[tuple]) -> None:
    decisions, records = made(found)
    measured = relative_cost(decisions, records, MIX, COSTS)
    table = {row["policy"]: row for row in measured.details["policies"]}
    assert list(table) == list(POLICIES)
    assert measured.value == table["combined"]["relative_cost"] >= table["model"]["relative_cost"]
    assert (table["always-edge"]["relative_cost"], table["always-cloud"]["relative_cost"]) == (0.01, 1)
    for row in table.values():
        assert row["relative_cost"] == pytest.approx(1 - 0.99 * row["edge_share"])
    missed = cloud_kept(routed(decisions), records).outcomes
    assert table["combined"]["miss_rate"] == pytest.approx(np.mean(missed))
    assert table["combined"]["accuracy"] == pytest.approx(np.mean(routing(routed(decisions), records).outcomes))
    assert (table["always-edge"]["miss_rate"], table["always-cloud"]["miss_rate"]) == (1, 0)


def test_a_router_that_ignores_the_threshold_keeps_what_needed_the_cloud() -> None:
    """Half of the mistakes are unsure ones: the threshold stops them, and without it the claim's figure doubles."""
    decisions, records = made([("weather_query", 0.5, "open_chat", False), ("weather_query", 0.9, "open_chat", False),
                               ("open_chat", 0.9, "open_chat", False)] * 10)
    deaf = replace(decisions, routes=[by_name(intent).route for intent in decisions.intents])
    heeds, ignores = (sum(cloud_kept(routed(one), records).outcomes) for one in (decisions, deaf))
    assert (heeds, ignores) == (10, 20)


def test_nothing_that_needed_the_cloud_is_no_perfect_score() -> None:
    decisions, records = made([("weather_query", 0.9, "weather_query", False)])
    with pytest.raises(EdgeError, match="at least one record"):
        cloud_kept(decisions, records)
