"""edge_poc_performance_report.md: size, latency, speed-up, memory, power."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.report import format as fmt
from pipeline.report.markdown import sections
from pipeline.report.markdown.text import document, plain, table
from pipeline.report.results import Claim, artifact_name, seen

if TYPE_CHECKING:
    from pipeline.report.figures.style import Picture

MEMORY = {"peak_rss_mb": "常驻内存峰值 (peak RSS)", "uss_mb": "独占内存 (USS)", "footprint_mb": "物理占用 (footprint)",
          "interpreter_mb": "其中解释器与库 (interpreter)"}


def render(results: Mapping[str, Any], items: list[Claim], pictures: Sequence[Picture]) -> str:
    return document([
        "# 端侧性能报告 (edge PoC performance report)", sections.summary(results, items), sections.conditions(results),
        "## 目标与结论 (claims)", sections.claim_table(items), sections.reasons(items), sections.not_measured(items),
        _latency(results), _memory(results), sections.observations(results, [claim.phase for claim in items]),
        sections.figures(pictures, ["latency", "speedup", "client_decision", "memory"]),
        sections.artifacts(results), sections.versions(results),
    ])


def _latency(results: Mapping[str, Any]) -> str:
    """Percentiles of every timed measurement, in ms."""
    names = ("p50", "p90", "p95", "p99", "max")
    rows = []
    for item in seen(results):
        if "p50" in item.details and item.measurement.get("unit") == "ms":
            artifact = "、".join(dict.fromkeys(artifact_name(results, key) for key in item.artifacts.values()))
            figures = [fmt.value(item.details.get(name), "ms") for name in names]
            rows.append([plain(item.id), plain(artifact or "-"), *figures, fmt.count(len(item.measurement.get("values") or []))])
    headers = ["测量 (measurement)", "产物 (artifacts)", "P50", "P90", "P95", "P99", "最大 (max)", "n"]
    return "## 延迟分位数 (latency percentiles)\n\n" + table(headers, rows, numbers=range(2, 8)) if rows else ""


def _memory(results: Mapping[str, Any]) -> str:
    """Memory by definition, in MB, run by run."""
    rows = []
    for item in seen(results):
        for name, words in MEMORY.items():
            if item.details.get("peak_rss_mb") and item.details.get(name):
                found = item.details[name] if isinstance(item.details[name], list) else [item.details[name]]
                rows.append([plain(item.id), words, "、".join(fmt.value(one, "MB") for one in found)])
    return "## 内存（按定义） (memory by definition)\n\n" + table(["测量", "定义 (definition)", "各次测量值"], rows) if rows else ""
