"""The date and weekday of a day."""

from __future__ import annotations

import datetime

from pipeline.edge.tools.call import ToolCall
from pipeline.edge.tools.days import day_of

_WEEKDAYS = "一二三四五六日"


def run(call: ToolCall) -> str:
    """Which day ``day`` is; today where the question does not say one."""
    said = call.get("day")
    day = day_of(said or "今天", call.now.date())
    if day is None:
        return f"我听出您在问日期，但不知道“{said}”是哪一天。"
    return f"{said or '今天'}是{written(day)}。"


def written(day: datetime.date) -> str:
    """2026年11月25日，星期三."""
    return f"{day.year}年{day.month}月{day.day}日，星期{_WEEKDAYS[day.weekday()]}"
