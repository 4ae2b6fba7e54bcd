"""Whether queries go where they should: to the edge model or to the cloud."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pipeline.data.intents import shares_of
from pipeline.errors import EdgeError
from pipeline.measure.decisions import Decisions, queries_of, some
from pipeline.measure.measurement import Paired, Proportion
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


def routing_against(
    decisions: Decisions, records: Records, baseline: Literal["always-edge", "always-cloud"]
) -> Paired:
    """Rightly routed (1) by the rule that never decides (reference) and by the model (candidate)."""
    if baseline not in ("always-edge", "always-cloud"):
        raise EdgeError(f"expected the baseline always-edge or always-cloud, found {baseline!r}")
    always_cloud = baseline == "always-cloud"
    return Paired(
        metric="routing_gain",
        unit="points",
        artifacts=dict(decisions.artifacts),
        conditions={**decisions.conditions, "baseline": baseline},
        details=route_confusion(decisions, records),
        reference=[int(bool(record["should_route_to_cloud"]) == always_cloud) for record in some(records)],
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
    return [record for intent, found in of_intent.items() for record in sorted(found, key=_lot)[:counts[intent]]]


def _largest_remainders(shares: Mapping[str, float], n: int) -> dict[str, int]:
    counts = {intent: math.floor(share * n + 1e-9) for intent, share in shares.items()}
    by_remainder = sorted(shares, key=lambda intent: (counts[intent] - shares[intent] * n, intent))
    for intent in by_remainder[:n - sum(counts.values())]:
        counts[intent] += 1
    return counts


def _lot(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(record["query"].encode()).hexdigest()


def route_confusion(decisions: Decisions, records: Records) -> dict[str, Any]:
    """``routes`` and ``confusion``: counts [expected][found] in their order."""
    pairs = Counter((bool(r["should_route_to_cloud"]), decisions.of(r["query"]).route == CLOUD) for r in records)
    return {"routes": [LOCAL, CLOUD], "confusion": [[pairs[e, f] for f in (False, True)] for e in (False, True)]}


def _rightly_routed(decisions: Decisions, records: Records) -> list[int]:
    return [int((decisions.of(record["query"]).route == CLOUD) == bool(record["should_route_to_cloud"]))
            for record in some(records)]
