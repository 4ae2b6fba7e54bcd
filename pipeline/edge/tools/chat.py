"""Greetings and questions about the assistant itself."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from pipeline.edge.tools.call import ToolCall


@cache
def _replies() -> list[dict]:
    return yaml.safe_load(Path(__file__).with_name("chat.yaml").read_text(encoding="utf-8"))


def run(call: ToolCall) -> str:
    """The reply whose words the question holds; an honest no for what no reply fits."""
    for entry in _replies():
        if any(word in call.query for word in entry["words"]):
            return str(entry["reply"])
    return "这个问题设备上的工具还回答不了：我没有词典，也不能操作别的设备。"
