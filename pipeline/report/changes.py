"""Baselines in the terminal: what one holds, and how a run moved against it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from rich.console import Console
from rich.table import Table

from pipeline.report import format as fmt
from pipeline.report.results import CHANGES
from pipeline.verdict.baseline import Baseline
from pipeline.verdict.regression import Regression

WIDTH = 120
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
    table = _table("claim", "baseline", "worse by", "tolerance", "state")
    console = _console(stream)
    ordered = sorted(changes.items(), key=lambda item: CHANGES.index(item[1].state))
    for name, change in ordered:
        unit = baseline.claims[name].unit
        table.add_row(name, fmt.value(change.baseline_value, unit), fmt.worse(change, unit), fmt.tolerance(change, unit),
                      change.state.replace("_", " "))
    console.print(table)
    for name, change in ordered:
        for side, queries in change.flipped.items():
            if queries:
                more = f", and {len(queries) - SHOWN} more" if len(queries) > SHOWN else ""
                console.print(f"{name} {side} {len(queries)}: {', '.join(map(repr, queries[:SHOWN]))}{more}", markup=False)


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if 0 < place < len(columns) - 1 else "left", no_wrap=True)
    return table


def _console(stream: TextIO) -> Console:
    return Console(file=stream) if stream.isatty() else Console(file=stream, width=WIDTH, no_color=True, force_terminal=False)
