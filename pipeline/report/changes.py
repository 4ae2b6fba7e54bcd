"""Baselines in the terminal: what one holds, and how a run moved against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from rich.console import Console
from rich.table import Table

from pipeline.report import format as fmt
from pipeline.verdict.baseline import Baseline
from pipeline.verdict.regression import Regression

WIDTH = 120
ORDER = ("regressed", "stopped", "unsettled", "improved", "unchanged", "not_compared")  # worst first
SHOWN = 10  # flipped queries of a claim


def show_baseline(baseline: Baseline, stream: TextIO) -> None:
    table = _table("claim", "value", "n", "samples")
    for name, kept in baseline.claims.items():
        samples = f"{len(kept.values):,} values" if kept.values else f"queries {kept.items}" if kept.items else fmt.NONE
        table.add_row(name, fmt.value(kept.value, kept.unit), fmt.count(kept.n), samples)
    console = _console(stream)
    console.print(f"profile {baseline.profile}, host class {baseline.host_class}\nrun {baseline.run} of {baseline.saved}, "
                  f"commit {baseline.commit[:12] or 'none'}{f', reason: {baseline.reason}' if baseline.reason else ''}", markup=False)
    console.print(table)


def show_changes(baseline: Baseline, changes: Mapping[str, Regression], stream: TextIO) -> None:
    """One row a claim, worst first, then the queries that flipped."""
    table = _table("claim", "baseline", "worse by", "interval", "tolerance", "state")
    console = _console(stream)
    ordered = sorted(changes.items(), key=lambda item: ORDER.index(item[1].state))
    for name, change in ordered:
        unit = baseline.claims[name].unit
        table.add_row(name, fmt.value(change.baseline_value, unit), *worsening(change, unit), change.state.replace("_", " "))
    console.print(table)
    for name, change in ordered:
        for side, queries in change.flipped.items():
            if queries:
                more = f", and {len(queries) - SHOWN} more" if len(queries) > SHOWN else ""
                console.print(f"{name} {side} {len(queries)}: {', '.join(map(repr, queries[:SHOWN]))}{more}", markup=False)


def worsening(change: Regression, unit: str) -> tuple[str, str, str]:
    """How much worse, its interval and the tolerance, as text: "+2.1 points", "[0.9, 3.3]", "2.0"."""
    kind = "points" if change.relative or unit == "proportion" else unit
    suffix = " %" if change.relative else fmt.SUFFIX[kind]
    if change.worse is None:
        return fmt.NONE, fmt.NONE, fmt.number(change.tolerance, kind) + suffix
    figures = [fmt.number(figure, kind) for figure in (change.worse, change.lower, change.upper)]
    sign = "" if figures[0].startswith("-") or change.worse == 0 else "+"
    interval = f"[{figures[1]}, {figures[2]}]" if change.lower != change.upper else "exact"
    return f"{sign}{figures[0]}{suffix}", interval, fmt.number(change.tolerance, kind) + suffix


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if 0 < place < len(columns) - 1 else "left", no_wrap=True)
    return table


def _console(stream: TextIO) -> Console:
    return Console(file=stream) if stream.isatty() else Console(file=stream, width=WIDTH, no_color=True, force_terminal=False)
