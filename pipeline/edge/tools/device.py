"""The state of this device: battery, memory, disk, processor."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import psutil

from pipeline.edge.tools.call import ToolCall

GIGA = 10**9  # bytes


def run(call: ToolCall) -> str:
    """What ``item`` is at; battery, memory and disk where the question does not say one."""
    item = call.get("item")
    for words, tell in _ITEMS:
        if any(word in item.upper() for word in words):
            return tell()
    return f"我不能查看“{item}”；电量、内存、存储空间和处理器可以。" if item else "".join(tell() for _, tell in _ITEMS[:3])


def _battery() -> str:
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    if battery is None:
        return "这台设备没有电池。"
    return f"电量还有 {battery.percent:.0f} %{'，正在充电' if battery.power_plugged else ''}。"


def _memory() -> str:
    memory = psutil.virtual_memory()
    return f"内存还有 {memory.available / GIGA:.1f} GB 可用，共 {memory.total / GIGA:.1f} GB。"


def _disk() -> str:
    disk = psutil.disk_usage(str(Path.home()))
    return f"存储空间还剩 {disk.free / GIGA:.1f} GB，共 {disk.total / GIGA:.1f} GB。"


def _processor() -> str:
    busy = psutil.getloadavg()[0] / (os.cpu_count() or 1)
    return f"最近一分钟处理器平均占用约 {min(busy, 1):.0%}。"


_ITEMS: tuple[tuple[tuple[str, ...], Callable[[], str]], ...] = (
    (("电量", "电池"), _battery),
    (("内存",), _memory),
    (("存储", "硬盘", "磁盘", "空间"), _disk),
    (("处理器", "CPU"), _processor),
)
