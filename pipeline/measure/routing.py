"""Whether queries go where they should: to the edge model or to the cloud."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.data.intents import shares_of
from pipeline.errors import EdgeError
from pipeline.measure.decisions import Decisions, queries_of, some
from pipeline.measure.measurement import Paired, Proportion
from pipeline.measure.policies import Policy, lot_of, needs_cloud, routes_of
from pipeline.runtime.decision import CLOUD, LOCAL

Records = Sequence[Mapping[str, Any]]


def routing(decisions: Decisions, records: Records) -> Proportion:
    """1 a record that went to the cloud exactly when ``should_route_to_cloud`` says so.

    details: ``routes`` and ``confusion`` [expected][found] in their order.
    """
    return Proportion(
        metric="routing",
        unit="proportion",
        artifacts=dict(decisions.artifacts),
        conditions=dict(decisions.conditions),
        details=route_confusion(decisions, records),
        outcomes=_rightly_routed(decisions, records),
        items=queries_of(records),
    )


def routing_against(decisions: Decisions, records: Records, baseline: Policy) -> Paired:
    """Rightly routed (1) by another policy (reference) and by these decisions (candidate)."""
    return Paired(
        metric="routing_gain",
        unit="points",
        artifacts=dict(decisions.artifacts),
        conditions={**decisions.conditions, "baseline": baseline},
        details=route_confusion(decisions, records),
        reference=rightly_routed(routes_of(baseline, decisions, records), records),
        candidate=_rightly_routed(decisions, records),
        items=queries_of(records),
    )


def edge_share(decisions: Decisions, records: Records, mix: Mapping[str, float]) -> Proportion:
    """1 a query answered on the edge, over a scenario in which intent i has the weight ``mix[i]``.

    The scenario is drawn from the records without replacement, the same for the same records in any order, and as
    large as the scarcest intent allows.  details: ``mix`` asked, ``drawn`` counts, ``rightly_routed`` (count),
    ``routes``, ``confusion``.
    """
    scenario = draw(records, mix)
    return Proportion(
        metric="edge_share",
        unit="proportion",
        artifacts=dict(decisions.artifacts),
        conditions=dict(decisions.conditions),
        details={
            "mix": dict(mix),
            "drawn": dict(Counter(record["intent"] for record in scenario)),
            "rightly_routed": sum(_rightly_routed(decisions, scenario)),
            **route_confusion(decisions, scenario),
        },
        outcomes=[int(decisions.of(record["query"]).route != CLOUD) for record in scenario],
        items=queries_of(scenario),
    )


def cloud_kept(decisions: Decisions, records: Records) -> Proportion:
    """1 a query that needed the cloud and stayed on the device, over those that needed it: the risk that alpha bounds."""
    needed = [record for record in records if needs_cloud(record)]
    return Proportion(
        metric="cloud_kept",
        unit="proportion",
        artifacts=dict(decisions.artifacts),
        conditions=dict(decisions.conditions),
        outcomes=[int(decisions.of(record["query"]).route != CLOUD) for record in some(needed)],
        items=queries_of(needed),
    )


def draw(records: Records, mix: Mapping[str, float]) -> list[Mapping[str, Any]]:
    """The largest scenario of that mix: each intent's count is its share of n, rounded so that they add up to n.

    Which records of an intent are taken is decided by the sha256 of the query, so file order has no say.
    """
    shares = shares_of(mix)
    of_intent = {intent: [record for record in records if record["intent"] == intent] for intent in shares}
    missing = sorted(intent for intent, found in of_intent.items() if not found)
    if missing:
        raise EdgeError(f"expected records of every intent in the mix, found none of {', '.join(missing)}")
    n = max(1, min(math.floor(len(of_intent[intent]) / share + 1e-9) for intent, share in shares.items()))
    counts = _largest_remainders(shares, n)
    return [record for intent, found in of_intent.items() for record in sorted(found, key=lot_of)[:counts[intent]]]


def _largest_remainders(shares: Mapping[str, float], n: int) -> dict[str, int]:
    counts = {intent: math.floor(share * n + 1e-9) for intent, share in shares.items()}
    by_remainder = sorted(shares, key=lambda intent: (counts[intent] - shares[intent] * n, intent))
    for intent in by_remainder[:n - sum(counts.values())]:
        counts[intent] += 1
    return counts


def route_confusion(decisions: Decisions, records: Records) -> dict[str, Any]:
    """``routes`` and ``confusion``: counts [expected][found] in their order."""
    pairs = Counter((needs_cloud(r), decisions.of(r["query"]).route == CLOUD) for r in records)
    return {"routes": [LOCAL, CLOUD], "confusion": [[pairs[e, f] for f in (False, True)] for e in (False, True)]}


def _rightly_routed(decisions: Decisions, records: Records) -> list[int]:
    return rightly_routed([decisions.of(record["query"]).route for record in some(records)], records)


def rightly_routed(routes: Sequence[str], records: Records) -> list[int]:
    """1 a record whose route, local or cloud, is the one it needs."""
    return [int((route == CLOUD) == needs_cloud(record)) for route, record in zip(routes, some(records), strict=True)]
