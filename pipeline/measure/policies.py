"""What could decide where queries go: the router that ships, its halves, and what needs no model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

from pipeline.edge.router import route
from pipeline.edge.rules import Asked
from pipeline.errors import EdgeError
from pipeline.measure.decisions import Decisions, some
from pipeline.runtime.decision import CLOUD, LOCAL

Records = Sequence[Mapping[str, Any]]
Policy = Literal["always-edge", "always-cloud", "random", "rules", "model", "combined"]
POLICIES: tuple[Policy, ...] = get_args(Policy)


def routed(decisions: Decisions) -> Decisions:
    """The same decisions with the routes that the combined router takes for their queries: what ships."""
    routes = [route(Asked(query), decisions.of(query)).route for query in decisions.queries]
    return replace(decisions, routes=routes, conditions={**decisions.conditions, "router": "combined"})


def routes_of(policy: Policy, decisions: Decisions, records: Records) -> list[str]:
    """The route, local or cloud, of each record under a policy.

    random: as many go to the cloud as under combined, drawn by lot whatever they ask.  EdgeError for an unknown policy.
    """
    if policy not in POLICIES:
        raise EdgeError(f"expected one of the policies {', '.join(POLICIES)}, found {policy!r}; correct it")
    if policy in ("always-edge", "always-cloud"):
        return [CLOUD if policy == "always-cloud" else LOCAL for _ in some(records)]
    mode = "combined" if policy == "random" else policy
    queries = [record["query"] for record in some(records)]
    routes = [route(Asked(query), decisions.of(query), mode).route for query in queries]
    return _by_lot(routes, records) if policy == "random" else routes


def _by_lot(routes: Sequence[str], records: Records) -> list[str]:
    """As many routes of each kind, dealt to the records by lot; the order of the records has no say."""
    dealt = dict(zip(sorted(map(lot_of, records)), sorted(routes), strict=True))
    return [dealt[lot_of(record)] for record in records]


def lot_of(record: Mapping[str, Any]) -> str:
    """A number drawn for the record, the same wherever it stands: the sha256 of its query."""
    return hashlib.sha256(record["query"].encode()).hexdigest()


def needs_cloud(record: Mapping[str, Any]) -> bool:
    """Whether the device cannot answer it."""
    return bool(record["should_route_to_cloud"])
