"""Whether the intent data is fit to train on and to judge by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.data.validate import Report, validate
from pipeline.measure.measurement import Exact

if TYPE_CHECKING:
    from pipeline.store import Artifact

SHOWN = 50


def data_findings(data: Artifact, validate: Callable[[dict[str, Path]], Report] = validate) -> Exact:
    """Number of findings (rows that do not parse, imbalance, duplicates, leaks) in all splits of a data artifact.

    validate: of data in another form than the intents'.  details: ``n`` records read, ``findings`` (the first 50), ``summary`` by split.
    """
    report = validate({file.stem: file for file in sorted(data.path.glob("*.jsonl"))})
    return Exact(
        metric="data_findings",
        unit="count",
        artifacts={data.kind: data.key},
        details={
            "n": int(sum(numbers["records"] for numbers in report.summary.values())),
            "findings": list(report.findings[:SHOWN]),
            "summary": report.summary,
        },
        value=float(len(report.findings)),
    )
