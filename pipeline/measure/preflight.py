"""What of a model would not run on the Neural Engine, told by its file."""

from __future__ import annotations

from pipeline.errors import EdgeError
from pipeline.measure.measurement import Exact
from pipeline.measure.subject import Subject
from pipeline.preflight import LENGTH, preflight
from pipeline.report.preflight import reasons


def products_elsewhere(subject: Subject, length: int = LENGTH) -> Exact:
    """Number of matrix products that would run on another unit than the Neural Engine, predicted from the model's file.

    details: ``share`` of the multiply-accumulates that it would take, ``macs`` of one run, ``operations``, ``partitions``, and
    ``kept``, a line a reason.  EdgeError for a model without a product.
    """
    found = preflight(subject.model, length)
    if not found.macs:
        raise EdgeError(f"{subject.model}: expected a graph that multiplies matrices, found none; export it again")
    return Exact(
        metric="products_elsewhere",
        unit="count",
        artifacts=dict(subject.artifacts),
        conditions={"predicted": f"what {found.target} hands over; only a Mac tells what runs where", "tokens": length},
        details={"share": found.share, "macs": found.macs, "operations": len(found.operations), "partitions": found.partitions,
                 "kept": reasons(found)},
        value=float(len(found.idle)),
    )
