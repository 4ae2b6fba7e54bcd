"""Arithmetic on two numbers, exact."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction

from pipeline.edge.tools.call import ToolCall
from pipeline.edge.tools.numerals import equals, number, said

_SIGNS: dict[str, tuple[str, Callable[[Fraction, Fraction], Fraction]]] = {
    "+": ("加 加上 + ＋", operator.add),
    "-": ("减 减去 - － −", operator.sub),
    "×": ("乘 乘以 * × x X ＊", operator.mul),
    "÷": ("除以 / ÷ ／", operator.truediv),
}
_OPERATIONS = {word: (sign, operation) for sign, (words, operation) in _SIGNS.items() for word in words.split()}


def run(call: ToolCall) -> str:
    """``a`` ``op`` ``b`` and what it makes."""
    a, b = number(call.get("a")), number(call.get("b"))
    sign, operation = _OPERATIONS.get(call.get("op"), ("", None))
    if a is None or b is None or operation is None:
        return "我听出您要算一道题，但没有听清两个数和运算；我会算两个数的加减乘除。"
    if sign == "÷" and not b:
        return "除数是零，这道题没有答案。"
    return f"{said(a)} {sign} {said(b)} {equals(operation(a, b))}"
