"""Predictions in the terminal; every one is called that, and none is called a pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from pipeline.plan.claims import Beside, Expectation, heading, mean_off
from pipeline.plan.device import Device
from pipeline.plan.efficiency import Checked
from pipeline.plan.prediction import Prediction, Range
from pipeline.report import format as fmt
from pipeline.report.recipe_steps import NONE, print_table

PREDICTIONS = ("prediction of", "engine", "size MB", "P50 ms", "P95 ms", "first token ms", "tokens/s", "memory MB", "load ms", "remarks")


def show_device(device: Device, stream: TextIO) -> None:
    """What is known of it, with its sources."""
    print(f"{device.chip}: {device.says}", file=stream)
    rows = [("bandwidth", f"{device.bandwidth.value:g} GB/s", *_said(device.bandwidth))]
    rows += [(f"{unit} {kind}", f"{figure.value:g} 10^12/s", *_said(figure))
             for unit, of in device.rates.items() for kind, figure in of.items()]
    rows += [("memory", f"{device.memory.value:,.0f} MB", *_said(device.memory))]
    print_table(stream, ("of the chip", "figure", "is", "source"), rows, numbers=(1,))


def show_predictions(predictions: Sequence[Prediction], recommended: Sequence[str], stream: TextIO) -> None:
    rows = [(of.candidate.name, of.candidate.engine, f"{of.size.point:,.0f}",
             *map(_range, (of.p50, of.p95, of.first, of.decode, of.memory, of.load)), ", ".join(_remarks(of, recommended)))
            for of in predictions]
    print_table(stream, PREDICTIONS, rows, numbers=range(2, 9))


def show_expected(expected: Sequence[Expectation], stream: TextIO) -> None:
    """A row a target, those without a prediction last."""
    rows = [(of.target.id, of.subject or NONE, _target(of), _range(of.predicted, of.target.unit) if of.predicted else NONE, of.verdict)
            for of in sorted(expected, key=lambda of: of.predicted is None)]
    print_table(stream, ("documented target", "of", "target", "prediction", "expected"), rows, numbers=(2, 3))


def show_checked(checked: Sequence[Checked], stream: TextIO) -> None:
    """Each published figure beside its prediction from the others of its kind."""
    rows = [(of.kind, of.figure.device, f"{of.figure.model} {of.figure.bits:g} bits", f"{of.figure.quantity} at {of.figure.tokens}",
             f"{of.figure.value:,g}", f"{of.predicted:,.4g}", f"{of.ratio:.2f}", of.figure.source) for of in checked]
    columns = ("kind", "device", "model", "figure", "published", "prediction", "ratio", "source")
    print_table(stream, columns, rows, numbers=(4, 5, 6))


def show_beside(results: Mapping[str, Any], device: Device, rows: Sequence[Beside], stream: TextIO) -> None:
    """A run's figures beside their predictions."""
    for line in heading(results, device):
        print(line, file=stream)
    if not rows:
        print("no claim of this run has both a figure and a prediction", file=stream)
        return
    cells = [(of.claim.id, of.subject, fmt.measured(of.claim), _range(of.predicted, of.claim.unit), f"{of.ratio:.2f}",
              "inside" if of.inside else "outside") for of in rows]
    print_table(stream, ("claim", "of", "measured", "prediction", "ratio", "its range"), cells, numbers=(2, 3, 4))
    inside = sum(of.inside for of in rows)
    print(f"off by a factor of {mean_off(rows):.2f} on average, {inside} of {len(rows)} inside the range", file=stream)


def _said(figure: Any) -> tuple[str, str]:
    return "estimate" if figure.estimate else "published", figure.source


def _range(of: Range, unit: str = "ms") -> str:
    """A point with its range, in three digits; shares in percent."""
    scale = 100 if unit in fmt.PERCENT else 1
    return f"{_short(scale * of.point)} [{_short(scale * of.low)}, {_short(scale * of.high)}]"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _target(of: Expectation) -> str:
    scale = 100 if of.target.unit in fmt.PERCENT else 1
    return f"{of.target.comparison} {scale * of.target.target:,.10g}{fmt.SUFFIX[of.target.unit]}"


def _remarks(of: Prediction, recommended: Sequence[str]) -> list[str]:
    remarks = ["recommended"] if of.candidate.name in recommended else []
    return [*remarks, *([] if of.fits else ["may not fit into memory"])]
