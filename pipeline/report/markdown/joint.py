"""The joint test in the integration report: the client's cases as a table, and the gateway's page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.report.markdown.text import plain, table
from pipeline.report.results import seen

HEADERS = ["用例 (case)", "问题 (query)", "应走 (expected)", "实走 (route)", "依据 (reason)", "意图 (intent)", "置信度", "工具 (tool)",
           "客户端耗时 / ms", "回答 (answer)"]


def client_cases(results: Mapping[str, Any]) -> str:
    """客户端用例: one row a case, where a run asked them."""
    asked = [item.details for item in seen(results) if item.measurement["metric"] == "unanswered"]
    rows = next((details["rows"] for details in asked if "rows" in details), [])
    cells = [[plain(row["id"]), plain(row["query"]), plain(row["expected_route"]), plain(row["route"]), plain(row["reason"]),
              plain(results.get("intents", {}).get(row["intent"], row["intent"])), f"{row['confidence']:.2f}", plain(row["tool"] or "-"),
              f"{row['ms']['client']:.0f}", plain(row["answer"])] for row in rows]
    return f"## 客户端用例 (client test)\n\n{table(HEADERS, cells, numbers=(6, 8))}" if cells else ""


def page(results: Mapping[str, Any]) -> str:
    """网关页面: the screenshot, where a run looked at the page."""
    shots = [item.details["screenshot"] for item in seen(results) if item.measurement["metric"] == "page_errors"]
    return f"## 网关页面 (the gateway's page)\n\n![网关页面]({shots[0]})\n\n图：浏览器中的网关页面" if shots else ""
