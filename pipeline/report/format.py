"""How a number, an interval, a target and a state are written: once, for every rendering."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.report.results import Claim
from pipeline.verdict.regression import Regression

NONE = "-"
SUFFIX = {"proportion": " %", "points": " points", "ms": " ms", "s": " s", "MB": " MB", "mW": " mW", "nats": " nats", "ratio": "x",
          "count": "", "logits": ""}
PERCENT = ("proportion", "points")
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# A margin of a share is a difference of two percentages, so it is in points.
MARGIN_UNIT = {"proportion": "points"}


@dataclass(frozen=True)
class State:
    """A state in words and colours; ``colour`` is from Okabe and Ito's palette, ``style`` is a terminal's."""

    word: str
    chinese: str
    colour: str
    style: str
    marker: str


STATES = {
    "pass": State("pass", "通过", "#009E73", "green", "o"),
    "fail": State("fail", "未达标", "#D55E00", "bold red", "X"),
    "inconclusive": State("inconclusive", "无法判定", "#E69F00", "yellow", "D"),
    "invalid": State("invalid", "条件无效", "#CC79A7", "magenta", "P"),
    "not_measured": State("not measured", "未测量", "#8C8C8C", "bright_black", "s"),
}


def number(value: float | None, unit: str) -> str:
    """Digits alone, in the unit's scale: 0.913 -> "91.3", 71680 -> "71,680"; None -> "-"."""
    if value is None:
        return NONE
    value += 0.0  # no negative zero
    if unit == "count":
        return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
    if unit in PERCENT:
        return _percent(value)
    if unit == "logits":
        return f"{value:.2g}"
    return f"{value:,.2f}" if unit == "ratio" or abs(value) < 1 else f"{value:,.1f}"


def value(figure: float | None, unit: str) -> str:
    """A measured figure with its unit, such as "91.3 %", "1.2 points", "43.1 ms", "2.31x"."""
    return NONE if figure is None else number(figure, unit) + SUFFIX[unit]


def measured(claim: Claim) -> str:
    """The claim's figure; one that does not count here is marked, as in "≈ 6.1 ms (indicative)"."""
    if claim.value is None:
        return NONE
    text = value(claim.value, claim.unit)
    return f"≈ {text} (indicative)" if claim.state == "not_measured" else text


def target(claim: Claim) -> str:
    """The documented target, such as "> 90 %" or "< 5,000,000"."""
    scaled = claim.target * 100 if claim.unit in PERCENT else claim.target
    return f"{claim.comparison} {round(scaled, 6):,.10g}{SUFFIX[claim.unit]}"


def interval(claim: Claim, unit: bool = True) -> str:
    """Lower to upper bound, each one-sided at the claim's confidence: "[90.2, 100] %"; one side alone: "≥ 90.2 %"."""
    if claim.statistic == "exact":
        return NONE if claim.value is None else "exact"
    suffix = SUFFIX[claim.unit] if unit else ""
    low, high = (number(bound, claim.unit) for bound in (claim.lower, claim.upper))
    if claim.lower is None and claim.upper is None:
        return NONE
    if claim.upper is None:
        return f"≥ {low}{suffix}"
    return f"≤ {high}{suffix}" if claim.lower is None else f"[{low}, {high}]{suffix}"


def margin(claim: Claim, unit: bool = True) -> str:
    """Distance of the gating bound from the target, positive on the good side: "+1.3 points"."""
    if claim.margin is None:
        return NONE
    kind = MARGIN_UNIT.get(claim.unit, claim.unit)
    return _signed(number(claim.margin, kind)) + (SUFFIX[kind] if unit else "")


def worse(change: Regression, unit: str) -> str:
    """How much worse than the baseline, with its interval: "+2.1 points [0.9, 3.3]", "+12.0 % [3.0, 22.1]"; "-" without a figure."""
    if change.worse is None:
        return NONE
    kind = "points" if change.relative else MARGIN_UNIT.get(unit, unit)
    digits, low, high = (number(figure, kind) for figure in (change.worse, change.lower, change.upper))
    bounds = "" if change.lower == change.upper else f" [{low}, {high}]"
    return f"{_signed(digits)}{' %' if change.relative else SUFFIX[kind]}{bounds}"


def moved(change: Regression, unit: str) -> str:
    """The reason of a change, with its figure where there is one."""
    return change.message if change.worse is None else f"{change.message} (worse by {worse(change, unit)})"


def tolerance(change: Regression, unit: str) -> str:
    """By how much worse a claim may become: "2.0 points", "10.0 %"."""
    kind = "points" if change.relative else MARGIN_UNIT.get(unit, unit)
    return number(change.tolerance, kind) + (" %" if change.relative else SUFFIX[kind])


def chinese(text: str) -> str:
    """A figure as a Chinese text writes it."""
    return text.replace(" points", " 个百分点").replace("exact", "精确值").replace(" (indicative)", "（仅供参考）")


def count(n: int) -> str:
    return f"{n:,}" if n else NONE


def confidence(claim: Claim) -> str:
    return f"{round(claim.confidence * 100, 6):g} %"


def p_value(p: float | None) -> str:
    """Three decimals; a smaller one as what it is below."""
    return NONE if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def scientific(figure: float | None) -> str:
    """Three digits, a power of ten below a thousandth: 0.0000105 -> "1.05 × 10⁻⁵"."""
    if figure is None:
        return NONE
    if figure == 0:
        return "0"
    if abs(figure) >= 1e-3:
        return f"{figure:#.3g}".rstrip(".")
    digits, _, power = f"{figure:.2e}".partition("e")
    return f"{digits} × 10{str(int(power)).translate(SUPERSCRIPTS)}"


def summary(measurement: Mapping[str, Any]) -> str:
    """One figure of a measurement by its shape: the value, the share, the median; of pairs, the candidate's."""
    unit = measurement.get("unit") or "count"
    shape, figures = measurement["shape"], measurement.get("outcomes") or measurement.get("values") or measurement.get("candidate")
    if shape == "exact":
        return value(measurement.get("value"), unit)
    if shape == "not_measured" or not figures:
        return NONE
    return value(statistics.median(figures) if "sample" in shape else statistics.fmean(figures), unit)


def size(n_bytes: int) -> str:
    """Bytes in MB (10^6), kB below one."""
    return f"{n_bytes / 1e6:,.1f} MB" if n_bytes >= 1e5 else f"{n_bytes / 1e3:,.1f} kB"


def duration(seconds: float) -> str:
    """Seconds as "42 s" or "3 min 12 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s" if seconds >= 10 else f"{seconds:.1f} s"


def _signed(digits: str) -> str:
    return digits if digits.startswith("-") else f"+{digits}"


def _percent(share: float) -> str:
    """One decimal, more where rounding would print 100 or 0 for what is not: 0.9998 -> "99.98"."""
    scaled = round(share * 100, 9)
    if scaled.is_integer() and scaled in (-100, 0, 100):
        return f"{scaled:.0f}"
    digits = next((d for d in (1, 2, 3, 4) if abs(round(scaled, d)) not in (0, 100)), 4)
    return f"{scaled:.{digits}f}"
