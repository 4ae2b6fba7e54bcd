"""What of a model would not run on the Neural Engine, told by its file."""

from __future__ import annotations

from pipeline.errors import EdgeError
from pipeline.measure.measurement import Exact
from pipeline.measure.subject import Subject
from pipeline.preflight import LENGTH, preflight
from pipeline.preflight.reasons import reasons
from pipeline.runtime.files import read_object


def products_elsewhere(subject: Subject) -> Exact:
    """Number of matrix products, over all its fixed lengths, that would run on another unit than the Neural Engine, predicted from
    the model's file.

    details: by tokens, ``share`` of the multiply-accumulates that it would take, ``macs`` of one run, ``operations``, ``partitions``,
    and ``kept``, a line a reason.  EdgeError for a model without a product.
    """
    found = {length: preflight(subject.model, length) for length in _lengths(subject)}
    if not all(one.macs for one in found.values()):
        raise EdgeError(f"{subject.model}: expected a graph that multiplies matrices, found none; export it again")
    return Exact(
        metric="products_elsewhere",
        unit="count",
        artifacts=dict(subject.artifacts),
        conditions={"predicted": f"what {next(iter(found.values())).target} hands over; only a Mac tells what runs where"},
        details={str(length): {"share": one.share, "macs": one.macs, "operations": len(one.operations), "partitions": one.partitions,
                               "kept": reasons(one)} for length, one in found.items()},
        value=float(sum(len(one.idle) for one in found.values())),
    )


def _lengths(subject: Subject) -> list[int]:
    """The lengths that the model is served at; one for all where they are not fixed."""
    spec = read_object(subject.model / "runtime.json", "the runtime of an exported model")
    return sorted((spec.get("functions") or {}).values()) or spec.get("lengths") or [LENGTH]
