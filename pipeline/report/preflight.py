"""A preflight in the terminal: a row a model, and under it what keeps operations off the Neural Engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from pipeline.preflight.graph import Preflight
from pipeline.preflight.reasons import reasons
from pipeline.report.recipe_steps import print_table

COLUMNS = ("model", "handed over by", "operations", "partitions", "G MAC", "share of MAC", "verdict")


def show(found: Mapping[str, Preflight], stream: TextIO) -> None:
    """Predicted, not measured; the reasons of what multiplies matrices come first."""
    rows = [(name, one.target, f"{len(one.operations) - len(one.kept):,} of {len(one.operations):,}", str(one.partitions),
             f"{one.macs / 1e9:,.2f}", f"{100 * one.share:.1f} %", verdict(one)) for name, one in found.items()]
    notes = [line for name, one in found.items() if one.kept for line in (f"{name}:", *(f"  {reason}" for reason in reasons(one)))]
    print_table(stream, COLUMNS, rows, numbers=(2, 3, 4, 5), notes=[*notes, "predicted from the file: only a Mac tells what runs where"])


def verdict(found: Preflight) -> str:
    """ready, or what is wrong with the graph as a whole."""
    if not found.macs:
        return "nothing to compute"
    return f"{len(found.idle)} products elsewhere" if found.idle else "ready"
