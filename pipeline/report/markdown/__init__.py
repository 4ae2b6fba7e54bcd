"""The three documented reports in Markdown, Chinese with the English terms beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.atomic import write_atomically
from pipeline.report.markdown import accuracy, integration, performance
from pipeline.report.results import Claim, claims

if TYPE_CHECKING:
    from pipeline.report.figures.style import Picture

SCALE = ("ms", "s", "MB", "mW", "ratio")


def render(results: Mapping[str, Any], folder: Path, pictures: Sequence[Picture] = ()) -> list[Path]:
    """Write the reports into ``folder``; figures are linked from figures/ beside them."""
    items = claims(results)
    reports = {"performance": (performance, [claim for claim in items if claim.unit in SCALE]),
               "accuracy": (accuracy, [claim for claim in items if claim.unit not in SCALE and not _routes(claim)]),
               "integration": (integration, items)}
    written = []
    for name, (report, chosen) in reports.items():
        written.append(folder / f"edge_poc_{name}_report.md")
        write_atomically(written[-1], report.render(results, chosen, pictures))
    return written


def _routes(claim: Claim) -> bool:
    return "rout" in claim.phase.lower() or claim.metric.startswith("rout")
