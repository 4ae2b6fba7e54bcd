"""The functions beside the decision in the integration report: by kind, against the words alone, and what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.report import format as fmt
from pipeline.report.markdown.text import plain, table
from pipeline.report.results import Seen, seen

TITLES = {"rewriting": "问题改写 (rewriting)", "tool_accuracy": "工具选择 (tool)", "argument_accuracy": "工具与参数 (tool and arguments)"}
EXAMPLES = 5


def functions(results: Mapping[str, Any]) -> str:
    """问题改写与工具选择, where a run measured them."""
    found = [item for item in seen(results) if item.measurement["metric"] in TITLES and item.details.get("by_kind")]
    if not found:
        return ""
    headers = ["功能 (function)", "正确率 (accuracy)", "仅凭字词 (by words alone)", "各类正确数 (right of asked)"]
    rows = [[TITLES[item.measurement["metric"]], *(fmt.value(share, "proportion") for share in (_accuracy(item), item.details["by_words"])),
             _kinds(item)] for item in found]
    parts = ["## 问题改写与工具选择 (functions)", table(headers, rows, numbers=(1, 2)), *filter(None, map(_wrong, found))]
    return "\n\n".join(parts)


def _accuracy(item: Seen) -> float:
    right, asked = map(sum, zip(*item.details["by_kind"].values(), strict=True))
    return right / asked


def _kinds(item: Seen) -> str:
    return plain("，".join(f"{kind} {right}/{asked}" for kind, (right, asked) in item.details["by_kind"].items()))


def _wrong(item: Seen) -> str:
    rows = [[plain(wrong[name].replace("\n", " / ")) for name in ("asked", "expected", "found")]
            for wrong in item.details["wrong"][:EXAMPLES]]
    title = f"{TITLES[item.measurement['metric']]}：前 {len(rows)} 个错误"
    return f"{title}\n\n{table(['问题 (asked)', '应为 (expected)', '实为 (found)'], rows)}" if rows else ""
