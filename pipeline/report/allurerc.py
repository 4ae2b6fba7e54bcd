"""allurerc.json beside the Allure results: what every `allure` command is told when it is run in the folder of the reports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipeline.report import metrics
from pipeline.report.allure import CATEGORIES

FILE = "allurerc.json"
TITLE = "On-device acceptance"
RUNS_KEPT = 50


def config(results: Mapping[str, Any]) -> dict[str, Any]:
    """Categories, a history over runs, and a quality gate that holds each bound against its documented target."""
    run = results["run"]
    return {
        "name": f"{TITLE}, run {run.get('id', 'unknown')}",
        "categories": [{name: item[name] for name in ("name", "matchedStatuses", "messageRegex")} for item in CATEGORIES],
        "historyPath": f"history/{_history(run)}.jsonl",
        "historyLimit": RUNS_KEPT,
        "appendHistory": False,  # `edge report --html` alone adds a run, once
        "qualityGate": {"rules": metrics.rules(results)},
        "plugins": {"awesome": {"options": {"singleFile": True, "reportName": TITLE, "groupBy": ["feature"]}}},
    }


def _history(run: Mapping[str, Any]) -> str:
    """One history a profile and class of host: the figures of another model or machine say nothing about these."""
    host = run.get("host") or {}
    place = host.get("host_class") or host.get("cpu") or ""
    return re.sub(r"[^A-Za-z0-9.]+", "-", f"allure.{run.get('profile', '')}.{place}").strip("-.")[:100]
