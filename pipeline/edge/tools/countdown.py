"""How many days it is until a holiday."""

from __future__ import annotations

from pipeline.edge.tools.call import ToolCall
from pipeline.edge.tools.date import written
from pipeline.edge.tools.days import day_of


def run(call: ToolCall) -> str:
    """The days from today to ``event``, and its date."""
    event, today = call.get("event"), call.now.date()
    if not event:
        return "我听出您在问还有多少天，但没有听清是哪一天。"
    day = day_of(event, today)
    if day is None:
        return f"我的日历里没有“{event}”的日期。"
    left = (day - today).days
    if left == 0:
        return f"今天就是{event}（{written(day)}）。"
    return f"离{event}还有 {left} 天（{written(day)}）。" if left > 0 else f"{event}已经过去 {-left} 天（{written(day)}）。"
