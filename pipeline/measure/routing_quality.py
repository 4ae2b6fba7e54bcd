"""How well the router ranks and what it saves: AUROC, risk-coverage curve, cost, and the policies side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import mannwhitneyu

from pipeline.edge.router import device_score, rule_of
from pipeline.edge.rules import Asked
from pipeline.errors import EdgeError
from pipeline.measure.decisions import Decisions, some
from pipeline.measure.measurement import Exact
from pipeline.measure.policies import POLICIES, Policy, needs_cloud, routes_of
from pipeline.measure.routing import draw, rightly_routed
from pipeline.runtime.decision import CLOUD, LOCAL

Records = Sequence[Mapping[str, Any]]
POINTS = 200  # of a drawn curve


def auroc(decisions: Decisions, records: Records) -> Exact:
    """How often a query that needed the cloud has a lower score than one that did not, ties by half.

    The area under the ROC curve, as Mann and Whitney's U over its largest value (Hanley and McNeil 1982, Radiology 143:29).
    EdgeError when no record needs the cloud, or every one.
    """
    scores, needs = _scored(decisions, records)
    if needs.all() or not needs.any():
        raise EdgeError(f"expected queries that need the cloud and queries that do not, found {needs.sum()} of {len(needs)} that do; "
                        "measure on data with both")
    larger = mannwhitneyu(scores[~needs], scores[needs]).statistic
    return _exact("routing_auroc", decisions, float(larger / (needs.sum() * (~needs).sum())), {"n": len(needs)})


def risk_coverage(decisions: Decisions, records: Records) -> Exact:
    """The area under the risk-coverage curve (Geifman, Uziel and El-Yaniv 2019, arXiv:1805.08206).

    The device answers the queries of the highest scores.  coverage: the share of all that it answers; risk: the share of
    those that needed the cloud.  The area is the mean risk over all n coverages; equal scores are counted worst first.
    details: ``curve`` {coverage, risk}, ``best`` (the area of a score that is always right), ``operating`` {coverage, risk}
    of the router, its risk None where the device answers nothing.
    """
    scores, needs = _scored(decisions, records)
    risks = _risks(needs[np.lexsort((~needs, -scores))])
    shown = np.unique(np.linspace(0, len(risks) - 1, POINTS).astype(int))
    kept = np.array([route == LOCAL for route in routes_of("combined", decisions, records)])
    return _exact("risk_coverage_area", decisions, float(risks.mean()), {
        "n": len(needs),
        "curve": {"coverage": ((shown + 1) / len(risks)).tolist(), "risk": risks[shown].tolist()},
        "best": float(_risks(np.sort(needs)).mean()),
        "operating": {"coverage": float(kept.mean()), "risk": float(needs[kept].mean()) if kept.any() else None},
    })


def relative_cost(decisions: Decisions, records: Records, mix: Mapping[str, float], costs: Mapping[str, float]) -> Exact:
    """What the router's answers to a scenario cost, as a share of sending each query to the cloud.

    costs: of an answer, by route.  mix: the scenario's weight of each intent.  details: ``costs``, ``n`` (queries of the
    scenario), ``policies``: a row a policy {policy, accuracy, miss_rate, edge_share, relative_cost}; accuracy and miss rate (of
    those that needed the cloud, the share that stayed on the device) over all records, share and cost over the scenario.
    """
    scenario = draw(records, mix)
    rows = [_row(policy, decisions, records, scenario, costs) for policy in POLICIES]
    combined = next(row for row in rows if row["policy"] == "combined")
    details = {"costs": dict(costs), "n": len(scenario), "policies": rows}
    return _exact("relative_cost", decisions, combined["relative_cost"], details)


def _row(policy: Policy, decisions: Decisions, records: Records, scenario: Records, costs: Mapping[str, float]) -> dict[str, Any]:
    routes, driven = routes_of(policy, decisions, records), routes_of(policy, decisions, scenario)
    needed = [route for route, record in zip(routes, records, strict=True) if needs_cloud(record)]
    share = driven.count(LOCAL) / len(driven)
    return {
        "policy": policy,
        "accuracy": float(np.mean(rightly_routed(routes, records))),
        "miss_rate": needed.count(LOCAL) / len(needed) if needed else None,
        "edge_share": share,
        "relative_cost": (share * costs[LOCAL] + (1 - share) * costs[CLOUD]) / costs[CLOUD],
    }


def _scored(decisions: Decisions, records: Records) -> tuple[np.ndarray, np.ndarray]:
    """The router's score of each record, at its lowest where a rule sends it to the cloud, and whether it needed the cloud."""
    scores = [-1.0 if rule_of(Asked(record["query"])) else device_score(decisions.of(record["query"])) for record in some(records)]
    return np.array(scores), np.array([needs_cloud(record) for record in records])


def _risks(needs: np.ndarray) -> np.ndarray:
    """The share that needed the cloud among the first 1, 2, ... n."""
    return np.cumsum(needs) / np.arange(1, len(needs) + 1)


def _exact(metric: str, decisions: Decisions, value: float, details: dict[str, Any]) -> Exact:
    return Exact(metric=metric, unit="proportion", artifacts=dict(decisions.artifacts), conditions=dict(decisions.conditions),
                 details=details, value=value)
