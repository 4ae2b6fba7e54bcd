"""What share of the roofline the engines of a kind reach: fitted on published figures, never on one device alone.

A kind is the unit that computes, and for times on a CPU the type of the weights, which have kernels of their own.  Its parameters are
fitted together, by least squares of the logarithms, each pulled a little towards a stated value so that few figures suffice.  How far
a kind's predictions may be off is what they were off for a device whose figures the fit had not seen: an M4 has none here.

The roofline is what an engine could reach that reads weights while it multiplies.  Those that were measured do one after the other
(29 ms at 14 tokens, 52 at 44, for the same weights), so a pass takes the sum of both sides, which is at most twice the roofline.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from functools import cache

from pipeline.compress.plan import Plan
from pipeline.compress.predicted import INTERPRETER, MB, RUNNING
from pipeline.plan import roofline
from pipeline.plan.device import INT8_BITS, Device, Unit
from pipeline.plan.published import Published, Quantity, published

LABELS = 6
SPREAD = 0.2  # of the logarithm of a measured figure: between sessions of one machine
PULL = 1.0  # of the logarithm of a parameter around its stated value
LEAST_FACTOR, OF_ONE_DEVICE = 1.3, 2.0  # no prediction claims to be nearer, nor nearer than 2 where a kind was seen on one device alone
GROUPS: dict[str, tuple[Quantity, ...]] = {"time": ("decode", "prefill", "first", "decision"), "memory": ("memory",), "load": ("load",)}


@dataclass(frozen=True)
class Efficiency:
    """compute, bandwidth: shares of the device's rates.  layer_ms: what a layer of a pass costs beside, token_us: and a token of a layer
    (norms, softmax, rounding of activations).  start_ms: a request's own time before its first token.  resident: share of the weights
    that lies in memory, memory_mb: of the process beside.  load_ms, load_mb_s: to load a model, and how many MB of weights a second.
    """

    compute: float = 0.4
    bandwidth: float = 0.7
    layer_ms: float = 0.02
    token_us: float = 2.0
    start_ms: float = 20.0
    resident: float = 1.0
    memory_mb: float = float(INTERPRETER + RUNNING)
    load_ms: float = 200.0
    load_mb_s: float = 2000.0


STATED = Efficiency()
SHARES = 2  # the first of them, which are at most 1
MAPPED = 1.5  # docs/compression.md: int8 weights that are used where the file is mapped are not laid out anew, and take half as long again


def kind_of(unit: Unit, bits: float, quantity: Quantity) -> str:
    if unit != "cpu" or quantity in ("memory", "load"):
        return unit
    return f"cpu {'float32' if bits > INT8_BITS else 'int8' if bits >= 8 else 'int4'}"


def point(quantity: Quantity, plan: Plan, device: Device, unit: Unit, tokens: int, of: Efficiency, mapped: bool = False) -> float:
    """tokens/s, ms or MB, without a range."""
    megabytes = plan.bytes / MB
    if quantity == "memory":
        return of.resident * megabytes + of.memory_mb
    if quantity == "load":
        return of.load_ms + (0 if mapped else 1e3 * megabytes / of.load_mb_s)
    if quantity == "decode":
        return 1 / _pass(plan, roofline.token(plan, tokens), 1, device, unit, of)
    labels = LABELS if quantity == "decision" else plan.vocabulary
    took = _pass(plan, roofline.prompt(plan, tokens, labels), tokens, device, unit, of) * (MAPPED if mapped else 1)
    return {"prefill": tokens / took, "first": 1e3 * took + of.start_ms, "decision": 1e3 * took}[quantity]


def _pass(plan: Plan, work: roofline.Work, tokens: int, device: Device, unit: Unit, of: Efficiency) -> float:
    """Seconds."""
    multiply = work.operations / (of.compute * device.rate(unit, plan.matrix_bits))
    read = work.bytes(plan.matrix_bits, plan.embedding_bits) / (of.bandwidth * 1e9 * device.bandwidth.value)
    return multiply + read + plan.layers * (1e-3 * of.layer_ms + 1e-6 * of.token_us * tokens)


@dataclass(frozen=True)
class Checked:
    """A published figure beside its prediction by a fit that had seen none of its device.

    Of a kind that was seen on one device alone, by a fit that had seen all but this figure.
    """

    figure: Published
    kind: str
    predicted: float

    @property
    def ratio(self) -> float:
        """Predicted over measured."""
        return self.predicted / self.figure.value

    @property
    def off(self) -> float:
        """By what factor, in either direction."""
        return max(self.ratio, 1 / self.ratio)


@cache
def efficiency(kind: str) -> Efficiency:
    """Fitted on all figures of the kind."""
    return fit(tuple(figure for figure in published() if _kind(figure) == kind))


@cache
def checked() -> tuple[Checked, ...]:
    """Every published figure, predicted from others of its kind."""
    found = []
    for figure in published():
        kind = _kind(figure)
        others = tuple(other for other in published() if _kind(other) == kind and other is not figure)
        elsewhere = tuple(other for other in others if other.device != figure.device)
        found.append(Checked(figure, kind, _figure(figure, fit(elsewhere or others))))
    return tuple(found)


def factor(kind: str, quantity: Quantity) -> float:
    """By what a prediction of this kind may be too large or too small."""
    group = next(quantities for quantities in GROUPS.values() if quantity in quantities)
    seen = [check for check in checked() if check.kind == kind and check.figure.quantity in group]
    alone = len({check.figure.device for check in seen}) < 2
    return max([OF_ONE_DEVICE if alone else LEAST_FACTOR, *(check.off for check in seen)])


@cache
def fit(figures: tuple[Published, ...]) -> Efficiency:
    """The parameters that come nearest to the figures; the stated ones where there is none."""
    import numpy as np
    from scipy.optimize import least_squares

    stated = np.log(astuple(STATED))

    def residuals(logarithms: np.ndarray) -> list[float]:
        of = Efficiency(*np.exp(logarithms))
        off = [math.log(_figure(figure, of) / figure.value) / SPREAD for figure in figures]
        return [*off, *((logarithms - stated) / PULL)]

    most = np.where(np.arange(len(stated)) < SHARES, 0.0, np.inf)
    return Efficiency(*map(float, np.exp(least_squares(residuals, stated, bounds=(-np.inf, most)).x)))


def _figure(figure: Published, of: Efficiency) -> float:
    return point(figure.quantity, figure.plan, figure.of, figure.of.unit_of(figure.engine), figure.tokens, of, figure.mapped)


def _kind(figure: Published) -> str:
    return kind_of(figure.of.unit_of(figure.engine), figure.bits, figure.quantity)
