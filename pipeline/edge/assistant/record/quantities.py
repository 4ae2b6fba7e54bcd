"""Quantities as a student says them: how long, and how many exercises, how many of them right."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from pipeline.edge.tools.numerals import number

_DIGITS = r"\d+(?:\.\d+)?|[零〇一二两三四五六七八九十百千]+(?:点[零〇一二三四五六七八九]+)?"
_HOURS = r"(?:小时|钟头|hours?|hrs?|h(?![a-z]))"
_MINUTES = r"(?:分钟|mins?(?:utes?)?(?![a-z])|m(?![a-z]))"
_DURATION = re.compile(
    rf"(?:(?P<hours>{_DIGITS})\s*个?(?P<half>半)?|(?P<only>半)\s*个?)\s*(?:多)?{_HOURS}(?P<after>半)?"
    rf"(?:\s*[零又]?\s*(?P<rest>{_DIGITS})\s*(?:{_MINUTES}|分))?"
    rf"|(?P<quarters>{_DIGITS})\s*刻钟|(?P<minutes>{_DIGITS})\s*(?:来|多)?\s*{_MINUTES}", re.IGNORECASE)
# From eight to half past ten, in words or as 8:00-10:30.
_CLOCK = rf"(?:(?P<{{0}}_hour>\d{{{{1,2}}}}|[一二两三四五六七八九十]{{{{1,3}}}})\s*(?:点钟?|[:：])\s*(?:(?P<{{0}}_half>半)|(?P<{{0}}_minute>\d{{{{1,2}}}}|[零一二三四五六七八九十]{{{{1,3}}}})\s*分?)?)"
_BETWEEN = re.compile(rf"从?\s*{_CLOCK.format('from')}\s*(?:[^\d，。,]{{0,4}}?到|至|[-~～—])\s*(?:晚上|下午|上午|中午)?{_CLOCK.format('to')}")
_ALONE = re.compile(rf"(?<=[学看听读习背练啃花用了课书])\s*(?P<minutes>{_DIGITS})\s*分(?![钟之析块布部配子数式法解类量层治段])")
_OF = r"(?:道题目?|道|个题目?|题|个)?"
_DID_WRONG = "(?:(?:做|答|写|搞)?错(?:了|的|掉)?|翻车了?|没(?:能)?(?:做|答|写)?(?:出来|对|上来)|(?:做|答)?不(?:对|出来)|不会(?:做|的)?)(?!率)"
_DID_RIGHT = "(?<![没不])(?:做|答|写)?(?<![没不])(?:对|正确|拿下)(?:了|的)?(?!率)"
# 对8错2 before 8道对，2道错: what stands behind 对 or 错 counts first, unless it has a 错 or 对 of its own.
_WRONG = (re.compile(rf"{_DID_WRONG}\s*(?P<count>(?>{_DIGITS}))(?!\s*{_OF}{_DID_RIGHT}){_OF}"),
          re.compile(rf"(?P<count>{_DIGITS})\s*{_OF}(?:是)?{_DID_WRONG}"))
_RIGHT = (re.compile(rf"{_DID_RIGHT}\s*(?P<count>(?>{_DIGITS}))(?!\s*{_OF}{_DID_WRONG}){_OF}"),
          re.compile(rf"(?P<count>{_DIGITS})\s*{_OF}(?:是)?{_DID_RIGHT}"))
_TOTAL = re.compile(rf"(?P<count>{_DIGITS})\s*(?:来|多)?(?:道|个?题|个练习|个习题)")
_ALL_RIGHT = re.compile("(?:全部?|都|全都)(?:做|答|写)?(?:对|正确)|没有?(?:做|答)?错|满分|零失误|一道没错|零错误|无错|全过|一道都没错|无一错")
_ALL_WRONG = re.compile("(?:全部?|都|全都)(?:做|答|写)?错|一道都?没(?:做|答)?对|一个都?没(?:做|答)?对|全军覆没|全挂|全不对|全没对")
_HALF = re.compile("(?:对|错)了?一半|一半(?:做|答)?(?:对|错)|一半是?(?:对|错)")
_SHARE = re.compile(rf"(?:正确率|对了)\s*(?:是|为|有|大概|大约|差不多)?\s*(?:(?P<percent>\d+(?:\.\d+)?)\s*%|百分之(?P<hundredths>{_DIGITS})|(?P<tenths>{_DIGITS})成)")
_FRACTION = re.compile(r"(?P<right>\d+)\s*[/／]\s*(?P<total>\d+)")


def minutes_in(text: str) -> int | None:
    """All that the text says of durations, in whole minutes; None where it says none."""
    found = [_minutes(match) for match in _DURATION.finditer(text)]
    found = found or [number(match["minutes"]) for match in _ALONE.finditer(text)] or [_between(match) for match in _BETWEEN.finditer(text)]
    return None if not found or None in found else round(sum(value for value in found if value is not None))


def without_durations(text: str) -> str:
    for pattern in (_DURATION, _ALONE, _BETWEEN):
        text = pattern.sub("|", text)
    return text


def _between(found: re.Match[str]) -> Fraction | None:
    """Minutes from one time of day to a later one, of the same half of the day or the next."""
    start, end = (_time_of(found, name) for name in ("from", "to"))
    return None if start is None or end is None else (end - start) % (12 * 60 if max(start, end) <= 12 * 60 else 24 * 60)


def _time_of(found: re.Match[str], name: str) -> Fraction | None:
    hour, minute = number(found[f"{name}_hour"]), number(found[f"{name}_minute"] or "0")
    return None if hour is None or minute is None else hour * 60 + (30 if found[f"{name}_half"] else minute)


def _minutes(found: re.Match[str]) -> Fraction | None:
    part = {name: number(value) if value and name not in ("half", "only", "after") else value for name, value in found.groupdict().items()}
    if found["minutes"]:
        return part["minutes"]
    if found["quarters"]:
        return part["quarters"] and part["quarters"] * 15
    hours = part["hours"] if found["hours"] else Fraction(0)
    halves = sum(bool(found[name]) for name in ("half", "only", "after"))
    return None if hours is None else hours * 60 + 30 * halves + (part["rest"] or 0)


@dataclass(frozen=True)
class Counts:
    """Exercises done and right; None: not said.  ``rest``: the text with ``#`` for each thing that was said of them."""

    total: int | None
    right: int | None
    rest: str


def counts_in(text: str) -> Counts:
    """How many exercises were done, and how many of them right."""
    if found := _FRACTION.search(text):
        return Counts(int(found["total"]), int(found["right"]), _FRACTION.sub("#", text))
    share, text = _take(_SHARE, text)
    half, text = _take(_HALF, text)
    none, text = _take(_ALL_WRONG, text)
    all_right, text = _take(_ALL_RIGHT, text)
    wrong, text = _take(_WRONG[0], text)
    right, text = _take(_RIGHT[0], text)
    if wrong is None:
        wrong, text = _take(_WRONG[1], text)
    if right is None:
        right, text = _take(_RIGHT[1], text)
    totals = [value for found in _TOTAL.finditer(text) if (value := number(found["count"])) is not None]
    text = _TOTAL.sub("#", text)
    said = {"wrong": _count(wrong), "right": _count(right), "total": int(max(totals)) if totals else None}
    total, share_right = said["total"], _share(share)
    if total is None and said["right"] is not None and said["wrong"] is not None:
        total = said["right"] + said["wrong"]
    right_of = said["right"]
    if right_of is None and total is not None:
        right_of = (total - said["wrong"] if said["wrong"] is not None else total if all_right else 0 if none else
                    total // 2 if half else round(total * share_right) if share_right is not None else None)
    return Counts(total, right_of, text)


def _take(pattern: re.Pattern[str], text: str) -> tuple[re.Match[str] | None, str]:
    found = pattern.search(text)
    return found, text if found is None else f"{text[:found.start()]}#{text[found.end():]}"


def _count(found: re.Match[str] | None) -> int | None:
    value = number(found["count"]) if found else None
    return None if value is None or value.denominator != 1 else int(value)


def _share(found: re.Match[str] | None) -> Fraction | None:
    if found is None:
        return None
    value = number(found["percent"] or found["hundredths"] or found["tenths"])
    return None if value is None else value / (10 if found["tenths"] else 100)
