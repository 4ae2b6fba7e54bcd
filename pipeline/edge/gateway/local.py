"""What the device says by itself, and what it says honestly where it has no answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.data.intents import by_name
from pipeline.edge import tools
from pipeline.edge.declared import Call
from pipeline.edge.gateway.apology import CUT, sorry
from pipeline.edge.tools.by_words import by_words
from pipeline.edge.tools.call import ToolCall
from pipeline.errors import EdgeError
from pipeline.runtime.decision import LOCAL

if TYPE_CHECKING:
    from pipeline.edge.gateway.flow import Device

__all__ = ["CUT", "choose", "has_tools", "sorry", "words"]


def has_tools(intent: str | None) -> bool:
    """Whether a question of that kind is one for the device's tools."""
    return intent is not None and by_name(intent).route == LOCAL


def choose(device: Device, query: str) -> Call:
    """The tool for a question: the functions model's choice, or by the question's words where none is served or it fails."""
    if not device.has_functions:
        return by_words(query)
    try:
        return device.choose(query)
    except EdgeError:
        return by_words(query)


def words(query: str, call: Call | None, intent: str | None, confidence: float | None, kept: bool) -> str:
    """The tool's answer, or what was understood; ``kept``: the client asked that the question stay on the device."""
    if call is not None:
        return tools.run(ToolCall(call.name, call.arguments, query))
    before = "按您的要求，这个问题没有发往云端。" if kept else ""
    if intent is None or confidence is None:
        return f"{before}设备上的模型现在也没有回应。"
    return f"{before}设备听出这是“{by_name(intent).caption}”（把握 {confidence:.0%}），但自己回答不了。"
