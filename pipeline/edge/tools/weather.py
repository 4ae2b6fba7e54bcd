"""Weather: understood, and honestly not known, for no source is connected."""

from __future__ import annotations

from pipeline.edge.tools.call import ToolCall


def run(call: ToolCall) -> str:
    """What was asked, and that the device cannot know it."""
    asked = call.get("city") + call.get("day")
    return f"我听出您在问{asked or '这里'}的天气。这台设备没有接入天气数据源，不能告诉您实况或预报。"
