"""Which day is meant: 明天, 下周三, 三天后, 月底, 十五号, 国庆节."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from pipeline.edge.tools.numerals import number
from pipeline.yaml_file import read_yaml

_NEAR = {"大前天": -3, "前天": -2, "昨": -1, "今": 0, "现在": 0, "明": 1, "大后天": 3, "后天": 2}
_WEEKDAYS = "一二三四五六日"
_PART = "(?:天)?(?:早上|上午|中午|下午|傍晚|晚上|夜里|早|晚)?"
_WEEK = re.compile(rf"(上上|上|这|本|下下|下)?个?(?:周|星期|礼拜)([一二三四五六日天末]){_PART}")
_LATER = re.compile(r"(.+?)(天|周|个星期|星期)(?:以|之)?(后|前)")
_OF_MONTH = re.compile(r"(?:(.+?)月)?(.+)[号日]")
_WEEKS = {"上上": -2, "上": -1, "下": 1, "下下": 2}
_FARTHEST = 366 * 100  # days


def day_of(text: str, today: date) -> date | None:
    """The day that ``text`` names, seen from ``today``; None for what names none.

    Weeks begin on Monday; a weekday or a day of the month without more is this week's or month's, gone by or not; a
    holiday is the next one.
    """
    text = text.strip()
    readings: tuple[Callable[[str, date], date | None], ...] = (_near, _weekday, _later, _of_month, next_holiday)
    return next((day for reading in readings if (day := reading(text, today)) is not None), None)


def _near(text: str, today: date) -> date | None:
    for word, days in _NEAR.items():
        if re.fullmatch(word + _PART, text):
            return today + timedelta(days)
    return None


def _weekday(text: str, today: date) -> date | None:
    found = re.fullmatch("周末", text) or _WEEK.fullmatch(text)
    if not found:
        return None
    weeks, day = (None, "末") if text == "周末" else found.groups()
    place = {"天": 6, "末": 5}.get(day, _WEEKDAYS.find(day))
    return today + timedelta(7 * _WEEKS.get(weeks or "", 0) + place - today.weekday())


def _later(text: str, today: date) -> date | None:
    found = _LATER.fullmatch(text)
    count = number(found[1]) if found else None
    if not found or count is None or count.denominator != 1:
        return None
    days = int(count) * (1 if found[2] == "天" else 7) * (1 if found[3] == "后" else -1)
    return today + timedelta(days) if abs(days) <= _FARTHEST else None


def _of_month(text: str, today: date) -> date | None:
    first_of_next = (today.replace(day=1) + timedelta(32)).replace(day=1)
    if text == "月底":
        return first_of_next - timedelta(1)
    next_month = text.removeprefix("下个月") != text
    found = _OF_MONTH.fullmatch(text.removeprefix("下个月").removeprefix("这个月"))
    if not found:
        return None
    start = first_of_next if next_month else today
    month, day = number(found[1]) if found[1] else start.month, number(found[2])
    try:
        return date(start.year, int(month), int(day))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


@cache
def _known() -> dict[str, dict]:
    return read_yaml(Path(__file__).with_name("holidays.yaml"))


def holidays() -> list[str]:
    """Every name of a holiday that has a date."""
    return [name for names in ("fixed", "dated", "also") for name in _known()[names]]


def next_holiday(text: str, today: date) -> date | None:
    """The next day of that holiday, today included; None for one that is not in holidays.yaml, or not in time."""
    known = _known()
    name = known["also"].get(text, text)
    if name in known["fixed"]:
        month, day = map(int, known["fixed"][name].split("-"))
        return next(found for year in (today.year, today.year + 1) if (found := date(year, month, day)) >= today)
    return next((found for found in known["dated"].get(name, ()) if found >= today), None)
