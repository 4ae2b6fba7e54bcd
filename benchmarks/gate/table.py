"""The self-test as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.gate.coverage import Coverage
from benchmarks.gate.repeats import Repeats
from benchmarks.gate.simulate import FLIPPED, Rate
from pipeline.report.results import host_line
from pipeline.verdict.statistics import clopper_pearson

HEADING = """# The gate under test

A gate is worth what its false alarms and its misses are. `make selftest` measured both on {host}, {date}
(profile {profile}, commit {commit}); each interval is a two-sided 95 % one.
"""
SIMULATED = """## Simulated: false alarms and misses against a baseline

{runs:,} runs a row at each claim's own sample size, drawn from what a real run measured: shares from models of that accuracy,
of which {flipped:g} % of the queries are assumed to flip between two trainings; times and memory from the values of that run, so
without the drift between runs, which the planted and the repeated runs below have. A *regression* is shown at
{confidence:g} % confidence **and** larger than the claim's tolerance, so what lies below the tolerance is meant to pass.
"""
PLANTED = """## Planted: real meters, real processes

The serving code made slower or heavier by a known step, {runs} times each; latency in turns with the code as it is
(`nothing`: the same code on both sides), memory against the kept figure.
"""
PASSES = """## A model that is truly at its target

{runs:,} draws a row. At most 5 % may pass.
"""
COVERAGE = """## Coverage of the intervals

{runs:,} draws a row: how often each one-sided bound lay on the right side of the truth.
"""


def page(results: dict[str, Any], rates: Sequence[Rate], planted: Sequence[Rate], passes: Sequence[Rate],
         coverages: Sequence[Coverage], repeats: Repeats, confidence: float) -> str:
    """docs/selftest.md."""
    run = results["run"]
    git = run.get("git") or {}
    parts = [
        HEADING.format(host=host_line(results), date=run["finished"][:10], profile=run["profile"], commit=git.get("commit", "none")[:12]),
        SIMULATED.format(runs=rates[0].runs, confidence=confidence * 100, flipped=100 * FLIPPED), _rates(rates, "counts as regressed"),
        PLANTED.format(runs=max(rate.runs for rate in planted)), _rates(planted, "counts as regressed"),
        _repeats(repeats),
        PASSES.format(runs=passes[0].runs), _rates(passes, "passes"),
        COVERAGE.format(runs=coverages[0].runs), _coverages(coverages),
    ]
    return "\n".join(parts)


def _rates(rates: Sequence[Rate], what: str) -> str:
    rows = [(rate.claim, rate.injected, f"{rate.n:,}", f"{rate.count:,} of {rate.runs:,}", _share(rate)) for rate in rates]
    return _table(("claim", "injected", "n", what, "share"), rows)


def _share(rate: Rate) -> str:
    low, high = clopper_pearson(rate.count, rate.runs, 0.975)
    return f"{100 * rate.share:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def _repeats(repeats: Repeats) -> str:
    runs, claims, moving = len(repeats.verdicts), len(repeats.verdicts[0]), repeats.moving()
    codes = ", ".join(f"{code} ({repeats.exit_codes.count(code)} times)" for code in sorted(set(repeats.exit_codes)))
    text = [f"## The real suite, {runs} times\n",
            "The same artifacts, each run held against the baseline of a first one: "
            f"{claims - len(repeats.differing())} of {claims} claims had the same verdict, and were red against the baseline or not, "
            f"{runs} times; exit codes: {codes}. "
            f"{claims - len(moving)} also had the same state against the baseline every time.\n"]
    for claim, counts in moving.items():
        states = ", ".join(f"{verdict.replace('_', ' ')} and {change.replace('_', ' ')} {count} times"
                           for (verdict, change), count in counts.most_common())
        text.append(f"- `{claim}`: {states}\n")
    return "\n".join(text)


def _coverages(coverages: Sequence[Coverage]) -> str:
    rows = [(case.interval, case.distribution, f"{100 * case.confidence:g} %", f"{100 * case.lower:.1f} %", f"{100 * case.upper:.1f} %")
            for case in coverages]
    return _table(("interval", "distribution", "confidence", "lower bound", "upper bound"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines) + "\n"
