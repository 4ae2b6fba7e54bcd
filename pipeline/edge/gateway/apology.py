"""Why there is no answer of the cloud, or not all of one, in words for the user."""

from __future__ import annotations

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
