"""The time of day, here or in a city."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from pipeline.edge.tools.call import ToolCall
from pipeline.yaml_file import read_yaml


@cache
def zones() -> dict[str, str]:
    """Place -> IANA zone."""
    content = read_yaml(Path(__file__).with_name("zones.yaml"))
    return {place: zone for zone, places in content.items() for place in places}


def run(call: ToolCall) -> str:
    """The time at ``place``, or the device's own."""
    place = call.get("place")
    if place and place not in zones():
        return f"我听出您在问“{place}”的时间，但不知道它在哪个时区。"
    there = call.now.astimezone(ZoneInfo(zones()[place])) if place else call.now
    days = (there.date() - call.now.date()).days
    day = {-1: "（昨天）", 1: "（明天）"}.get(days, "")
    return f"{place}现在是 {there:%H:%M}{day}。"
