"""What a meter returns: a measurement with its raw samples, and nothing about targets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True)
class Measurement:
    """Common part of every measurement.

    metric: the meter's name, such as ``accuracy``.  unit: "proportion", "ms", "s", "MB", "mW", "nats", "count",
    "ratio" or "logits".
    artifacts: role -> store key of what was measured.  conditions: threads, warm-up, provider, load.
    details: whatever a report may show (confusion matrix, flipped queries ...), JSON only.
    invalid: why the measuring conditions were broken, or "".
    """

    shape: ClassVar[str] = ""

    metric: str
    unit: str
    artifacts: dict[str, str] = field(default_factory=dict)
    conditions: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    invalid: str = ""


@dataclass(frozen=True)
class Proportion(Measurement):
    """One yes or no an item: ``outcomes[i]`` is 1 when item i counted as a success; ``items[i]`` is its query, if it is known."""

    shape: ClassVar[str] = "proportion"
    outcomes: list[int] = field(default_factory=list)
    items: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Paired(Measurement):
    """The same items answered twice: 1 = right, for the reference and for the candidate; ``items`` as in `Proportion`."""

    shape: ClassVar[str] = "paired"
    reference: list[int] = field(default_factory=list)
    candidate: list[int] = field(default_factory=list)
    items: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Sample(Measurement):
    """Repeated values of one quantity in ``unit``, in the order they were taken.

    looks: how often it was planned to look whether there are enough of them; each look spends a part of the error.
    """

    shape: ClassVar[str] = "sample"
    values: list[float] = field(default_factory=list)
    looks: int = 1


@dataclass(frozen=True)
class PairedSample(Measurement):
    """Interleaved values of one quantity for a reference and a candidate; pair i was taken in round i."""

    shape: ClassVar[str] = "paired_sample"
    reference: list[float] = field(default_factory=list)
    candidate: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Exact(Measurement):
    """A quantity without sampling error: bytes, parameters."""

    shape: ClassVar[str] = "exact"
    value: float = float("nan")


@dataclass(frozen=True)
class NotMeasured(Measurement):
    """This host cannot measure it; ``reason`` says why and what could."""

    shape: ClassVar[str] = "not_measured"
    reason: str = ""
