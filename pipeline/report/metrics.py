"""The figures of a run for Allure 3: samples that its quality gate judges, and the rules that hold them against the targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.report import format as fmt
from pipeline.report.results import Claim, claims, milliseconds

FILE = "edge-perf.json"  # Allure's reader takes *-perf.json in the folder of results
SHOWN = ("pass", "fail", "inconclusive")  # the states whose figures count: a gate must not pass on an indicative or invalid one
UNITS = {"proportion": "%", "ratio": "x", "count": ""}


def samples(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One sample a figure: the value under the claim's id, its one-sided bounds under ID.lower and ID.upper; shares in percent.

    Allure averages the samples of a key, so each key stands once: it is the bound that a gate should judge, not the value.
    """
    run = results["run"]
    span = {"start": milliseconds(run.get("started")), "stop": milliseconds(run.get("finished"))}
    return [{"id": f"{run.get('id')}.{key}", "key": key, "value": figure, "title": title, "unit": UNITS.get(claim.unit, claim.unit),
             "group": claim.phase, "better": "higher" if claim.comparison == ">" else "lower", **span}
            for claim in _counting(results) for key, title, figure in _figures(claim)]


def rules(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A rule a claim that was judged, on the bound that its verdict went by; Allure allows equality, which a target does not.

    A metric that is missing fails its rule, so what this run did not measure has none.
    """
    return [_rule(claim) for claim in _counting(results)]


def _counting(results: Mapping[str, Any]) -> list[Claim]:
    return [claim for claim in claims(results) if claim.state in SHOWN and claim.value is not None]


def _rule(claim: Claim) -> dict[str, Any]:
    least = claim.comparison == ">"
    side = "lower" if least else "upper"
    key = claim.id if claim.statistic == "exact" else f"{claim.id}.{side}"  # a bound that too few samples give is missing, and so fails
    return {"metricMin" if least else "metricMax": {"key": key, "value": _scaled(claim.target, claim)}}


def _figures(claim: Claim) -> Iterator[tuple[str, str, float]]:
    yield claim.id, claim.title, _scaled(claim.value, claim)
    for side, bound in _bounds(claim).items():
        yield f"{claim.id}.{side}", f"{claim.title}, {side} bound", _scaled(bound, claim)


def _bounds(claim: Claim) -> dict[str, float]:
    """None of a figure without sampling error: they would say it twice more."""
    sides = {"lower": claim.lower, "upper": claim.upper} if claim.statistic != "exact" else {}
    return {side: bound for side, bound in sides.items() if bound is not None}


def _scaled(figure: float, claim: Claim) -> float:
    return round(figure * 100, 9) if claim.unit in fmt.PERCENT else figure
