"""A model on a device before anything is measured: ranges, never points alone."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.compress.predicted import MB
from pipeline.plan import efficiency
from pipeline.plan.candidate import Candidate
from pipeline.plan.device import Device
from pipeline.plan.published import Quantity

MEDIAN, P95 = 28, 44
"""Tokens of a query after the prompt's beginning, on the test set (docs/compression.md: 14 to 45)."""
CONTEXT = 128
"""Tokens before the one that is generated."""
FILES = 1.05
"""What a tokenizer, a graph and a decision may add to the weights' bytes, as a factor."""


@dataclass(frozen=True)
class Range:
    """``low`` to ``high`` around ``point``, in the quantity's unit."""

    low: float
    point: float
    high: float


@dataclass(frozen=True)
class Prediction:
    """MB, ms and tokens/s.  p50, p95: of a decision.  load: until a started process answers."""

    candidate: Candidate
    device: Device
    size: Range
    p50: Range
    p95: Range
    first: Range
    decode: Range
    memory: Range
    load: Range

    @property
    def fits(self) -> bool:
        """Whether the most that it may take is there."""
        return self.memory.high <= self.device.memory.value


def predict(candidate: Candidate, device: Device) -> Prediction:
    """EdgeError where no engine of the device serves the candidate."""
    device.unit_of(candidate.engine)
    weights = candidate.plan.bytes / MB
    return Prediction(
        candidate, device, Range(candidate.least_bytes / MB, weights, weights * FILES),
        p50=_range("decision", candidate, device, candidate.tokens(MEDIAN)),
        p95=_range("decision", candidate, device, candidate.tokens(P95)),
        first=_range("first", candidate, device, candidate.tokens(MEDIAN)),
        decode=_range("decode", candidate, device, CONTEXT),
        memory=_range("memory", candidate, device), load=_range("load", candidate, device))


def _range(quantity: Quantity, candidate: Candidate, device: Device, tokens: int = 0) -> Range:
    unit = device.unit_of(candidate.engine)
    kind = efficiency.kind_of(unit, candidate.plan.matrix_bits, quantity)
    point = efficiency.point(quantity, candidate.plan, device, unit, tokens, efficiency.efficiency(kind), candidate.mapped)
    off = efficiency.factor(kind, quantity)
    return Range(point / off, point, point * off)
