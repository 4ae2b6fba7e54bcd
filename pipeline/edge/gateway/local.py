"""What the device says by itself, and what it says honestly where it has no answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.data.intents import by_name
from pipeline.edge import tools
from pipeline.edge.declared import Call
from pipeline.edge.tools.by_words import by_words
from pipeline.edge.tools.call import ToolCall
from pipeline.errors import EdgeError
from pipeline.runtime.decision import LOCAL

if TYPE_CHECKING:
    from pipeline.edge.gateway.flow import Device

CUT = "\n\n（云端的回答在这里中断了，以上内容不完整。）"
_SORRY = {
    "none": "没有配置云端。",
    "unreachable": "云端暂时不可用：连接不上。",
    "slow": "云端暂时不可用：等了很久没有回答。",
    "busy": "云端暂时不可用：请求太多。",
    "failing": "云端暂时不可用：服务出错。",
    "refused": "云端拒绝了这个请求。",
    "garbage": "云端暂时不可用：返回的内容无法使用。",
    "cut": "云端暂时不可用：连接中断。",
    "resting": "云端暂时不可用：连续出错，稍后再试。",
}


def sorry(trouble: str) -> str:
    """Why there is no answer of the cloud, in a sentence."""
    return _SORRY[trouble]


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
