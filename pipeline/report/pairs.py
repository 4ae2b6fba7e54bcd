"""Tables of what was asked twice: paired claims and agreements, as cells that each rendering escapes itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.report import format as fmt
from pipeline.report.results import Claim, seen


def paired(items: Iterable[Claim]) -> list[list[str]]:
    """A row a paired claim: caption, n, right by the reference alone, by the candidate alone, McNemar's p, verdict."""
    return [[claim.caption, fmt.count(claim.n), *_discordant(claim.measurement), fmt.p_value(claim.p_value),
             fmt.STATES[claim.state].chinese] for claim in items if claim.p_value is not None]


def _discordant(measurement: Mapping[str, Any]) -> tuple[str, str]:
    both = list(zip(measurement.get("reference") or [], measurement.get("candidate") or [], strict=False))
    if not both:
        return fmt.NONE, fmt.NONE
    return f"{sum(a > b for a, b in both):,}", f"{sum(a < b for a, b in both):,}"


def agreements(results: Mapping[str, Any]) -> list[list[str]]:
    """A row a measurement with logit differences: caption, n, share that agrees, queries that do not, largest and mean difference."""
    rows = []
    for item in seen(results):
        largest, mean = (item.details.get(f"{name}_logit_difference") for name in ("largest", "mean"))
        if largest is not None:
            apart = item.details.get("disagreement_count")
            rows.append([item.caption or item.title, fmt.count(len(item.measurement.get("outcomes") or [])), fmt.summary(item.measurement),
                         fmt.NONE if apart is None else f"{apart:,}", fmt.scientific(largest), fmt.scientific(mean)])
    return rows
