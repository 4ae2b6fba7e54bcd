"""Units, converted with fractions: no noise of floats."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from pathlib import Path

from pipeline.edge.tools.call import ToolCall
from pipeline.edge.tools.numerals import equals, number, said
from pipeline.yaml_file import read_yaml


@cache
def quantities() -> dict[str, dict[str, tuple[Fraction, Fraction]]]:
    """Quantity -> unit -> (scale, offset) into that quantity's first unit."""
    content = read_yaml(Path(__file__).with_name("units.yaml"))
    return {quantity: {unit: (Fraction(line[0]), Fraction(line[1] if len(line) > 1 else 0)) for unit, line in units.items()}
            for quantity, units in content.items()}


def converted(amount: Fraction, source: str, target: str) -> Fraction | None:
    """The amount of ``source`` in ``target``; None where these are not two units of one quantity."""
    for units in quantities().values():
        if source in units and target in units:
            (scale, offset), (target_scale, target_offset) = units[source], units[target]
            return (amount * scale + offset - target_offset) / target_scale
    return None


def run(call: ToolCall) -> str:
    """``amount`` of ``source`` in ``target``."""
    amount, source, target = number(call.get("amount") or "一"), call.get("source"), call.get("target")
    if amount is None or not source or not target:
        return "我听出您要换算单位，但没有听清数量和两个单位。"
    result = converted(amount, source, target)
    if result is None:
        return f"“{source}”和“{target}”之间我不会换算：它们不是同一种量，或者我不认识其中的单位。"
    return f"{said(amount)} {source} {equals(result)} {target}"
