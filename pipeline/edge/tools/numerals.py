"""Numbers as people write them, read and written without rounding."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

LONGEST = 40  # characters of a number that somebody would say
DECIMALS = 6  # of a figure that does not end

_WRITTEN = ("零〇", "一", "二两", "三", "四", "五", "六", "七", "八", "九")
_DIGITS = {digit: value for value, digits in enumerate(_WRITTEN) for digit in digits}
_LARGE = {"亿": 10**8, "万": 10**4}
_SMALL = {"千": 1000, "百": 100, "十": 10}
_DIGIT = f"[{''.join(_DIGITS)}]"
_ARABIC = re.compile(rf"(\d+(?:\.\d+)?)([{''.join((*_LARGE, *_SMALL))}]?)")
_SECTION = re.compile(rf"(?:({_DIGIT})千)?[零〇]?(?:({_DIGIT})百)?[零〇]?(?:({_DIGIT}?)(十))?[零〇]?({_DIGIT})?")


def number(text: str) -> Fraction | None:
    """A number in digits (full-width too) or Chinese numerals: 1.5, 三百五, 十二点五, 两万零三, 负三, 三分之一, 百分之五, 半.

    None for what is none, and for what is longer than `LONGEST`.
    """
    text = unicodedata.normalize("NFKC", text).replace(",", "").strip()
    if not text or len(text) > LONGEST:
        return None
    if text[0] in "负-":
        positive = number(text[1:])
        return None if positive is None else -positive
    if "分之" in text:
        below, _, above = text.partition("分之")
        parts = number("一百" if below == "百" else below), number(above)
        return parts[1] / parts[0] if parts[0] and parts[1] is not None else None
    if found := _ARABIC.fullmatch(text):
        return Fraction(found[1]) * {**_LARGE, **_SMALL, "": 1}[found[2]]
    return Fraction(1, 2) if text == "半" else _chinese(text)


def _chinese(text: str) -> Fraction | None:
    whole, point, decimals = text.partition("点")
    value = _whole(whole)
    if value is None or not point:
        return None if value is None else Fraction(value)
    if not decimals or not set(decimals) <= set(_DIGITS):
        return None
    return Fraction(f"{value}.{''.join(str(_DIGITS[digit]) for digit in decimals)}")


def _whole(text: str) -> int | None:
    if len(text) > 1 and set(text) <= set(_DIGITS):  # 二零二六: digit by digit
        return int("".join(str(_DIGITS[digit]) for digit in text))
    for unit, factor in _LARGE.items():
        high, found, low = text.rpartition(unit)
        if found:
            above, below = _whole(high), _rest(low, factor)
            return None if above is None or below is None else above * factor + below
    return _section(text)


def _rest(text: str, factor: int) -> int | None:
    """What stands after 万 or 亿: nothing, a number, or one digit that counts tenths of it (一万二)."""
    if not text:
        return 0
    return _DIGITS[text] * factor // 10 if text in _DIGITS else _whole(text)


def _section(text: str) -> int | None:
    found = _SECTION.fullmatch(text)
    if not text or not found:
        return None
    thousands, hundreds, tens, ten, ones = found.groups()
    value = 1000 * _DIGITS.get(thousands or "", 0) + 100 * _DIGITS.get(hundreds or "", 0)
    value += 10 * (_DIGITS.get(tens, 1) if ten else 0)
    unit = _SMALL.get(text[-2], 10) if ones and len(text) > 1 else 10  # 三百五 is 350, 三百零五 is 305
    return value + _DIGITS.get(ones or "", 0) * unit // 10


def said(value: Fraction) -> str:
    """In decimals, to `DECIMALS` places where they do not end, to three digits where these would all be zero."""
    if value.denominator == 1:
        return str(value.numerator)
    digits = f"{abs(round(value * 10**DECIMALS)):0{DECIMALS + 1}d}"
    if not int(digits):
        return f"{float(value):.3g}"
    return f"{'-' if value < 0 else ''}{digits[:-DECIMALS]}.{digits[-DECIMALS:]}".rstrip("0").rstrip(".")


def equals(value: Fraction) -> str:
    """The value behind = where `said` says all of it, behind ≈ where it rounds."""
    whole = (value * 10**DECIMALS).denominator == 1
    return f"{'=' if whole else '≈'} {said(value)}"
