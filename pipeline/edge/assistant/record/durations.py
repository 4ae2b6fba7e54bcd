"""How long, as a student says it: 40分钟, 两个半小时, 1h30min, 三刻钟, 从八点到十点半."""

from __future__ import annotations

import re
from fractions import Fraction

from pipeline.edge.assistant.record.marks import BREAK
from pipeline.edge.tools.numerals import number

NUMERAL = r"(?:\d+(?:\.\d+)?|[零〇一二两三四五六七八九十百千]+(?:点[零〇一二三四五六七八九]+)?)"
_HOURS = r"(?:小时|钟头|hours?|hrs?|h(?![a-z]))"
_MINUTES = r"(?:分钟|mins?(?:utes?)?(?![a-z])|m(?![a-z]))"
_LASTING = re.compile(
    rf"(?:(?P<hours>{NUMERAL})\s*个?(?P<half>半)?|(?P<only>半)\s*个?)\s*多?{_HOURS}(?P<after>半)?"
    rf"(?:\s*[零又]?\s*(?P<rest>{NUMERAL})\s*(?:{_MINUTES}|分))?"
    rf"|(?P<quarters>{NUMERAL})\s*刻钟|(?P<minutes>{NUMERAL})\s*[来多]?\s*{_MINUTES}", re.IGNORECASE)
# 听课80分, but not 考了80分 and not 十分复杂.
_VERB = "[学看听读习背练啃花用]"
_ALONE = re.compile(rf"(?:(?<={_VERB})|(?<={_VERB}[了课书]))\s*(?P<minutes>{NUMERAL})\s*分(?=$|[，。,；;!！~\s的了])")


def _clock(name: str) -> str:
    minute = rf"(?P<{name}_minute>\d{{1,2}}|[零一二三四五六七八九十]{{1,3}})"
    return rf"(?P<{name}_hour>\d{{1,2}}|[一二两三四五六七八九十]{{1,3}})\s*(?:点钟?|[:：])\s*(?:(?P<{name}_half>半)|{minute}\s*分?)?"


_BETWEEN = re.compile(rf"从?\s*{_clock('start')}\s*(?:[^\d，。,]{{0,4}}?到|至|[-~～—])\s*(?:晚上|下午|上午|中午)?{_clock('end')}")
_HALF_A_DAY = 12 * 60


def minutes_in(text: str) -> int | None:
    """All that the text says of durations, in whole minutes; None where it says none."""
    for pattern, minutes in ((_LASTING, _lasting), (_ALONE, lambda found: number(found["minutes"])), (_BETWEEN, _between)):
        if values := [minutes(found) for found in pattern.finditer(text)]:
            said = [value for value in values if value is not None]
            return round(sum(said)) if len(said) == len(values) else None
    return None


def without_durations(text: str) -> str:
    """The text with a `BREAK` in the place of each."""
    for pattern in (_LASTING, _ALONE, _BETWEEN):
        text = pattern.sub(BREAK, text)
    return text


def _lasting(found: re.Match[str]) -> Fraction | None:
    if found["minutes"]:
        return number(found["minutes"])
    if found["quarters"]:
        return _times(number(found["quarters"]), 15)
    hours = _times(number(found["hours"]) if found["hours"] else Fraction(0), 60)
    halves, rest = sum(bool(found[name]) for name in ("half", "only", "after")), number(found["rest"] or "0")
    return None if hours is None or rest is None else hours + 30 * halves + rest


def _times(value: Fraction | None, factor: int) -> Fraction | None:
    return None if value is None else value * factor


def _between(found: re.Match[str]) -> Fraction | None:
    """From one time of day to the next that is called so: over noon or midnight where the later is the smaller number."""
    start, end = (_time_of(found, name) for name in ("start", "end"))
    return None if start is None or end is None else (end - start) % (_HALF_A_DAY if max(start, end) <= _HALF_A_DAY else 2 * _HALF_A_DAY)


def _time_of(found: re.Match[str], name: str) -> Fraction | None:
    hour, minute = number(found[f"{name}_hour"]), number(found[f"{name}_minute"] or "0")
    return None if hour is None or minute is None else hour * 60 + (30 if found[f"{name}_half"] else minute)
