"""Memory of the serving process by definition: they differ several-fold for a mapped model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.report import format as fmt
from pipeline.report.figures.style import GREY, Drawing, figure, say, shades, target_line
from pipeline.report.results import Seen, artifact_name, claims, seen

DEFINITIONS = {
    "peak_rss_mb": ("常驻内存峰值 (peak RSS)", "peak RSS"),
    "uss_mb": ("独占内存 (USS)", "USS"),
    "footprint_mb": ("物理占用 (footprint)", "physical footprint"),
}
CAPTION = "推理进程内存占用（按定义）"


def draw(results: Mapping[str, Any]) -> list[Drawing]:
    found = [item for item in seen(results) if item.details.get("peak_rss_mb")]
    if not found:
        return []
    rows = [row for place, item in enumerate(found) for row in _rows(results, item, shades(len(found))[place], len(found) > 1)]
    sheet = figure(2.6 + 0.75 * len(rows), left=5.0 if len(found) > 1 else 3.4)
    axes = sheet.subplots()
    for place, (_, values, colour) in enumerate(rows):
        axes.barh(place, np.median(values), color=colour, height=0.6, alpha=0.85)
        axes.plot(values, [place] * len(values), "|", color="black", markersize=7)
        axes.annotate(f"{np.median(values):.1f} MB", (max(values), place), xytext=(4, 0), textcoords="offset points",
                      va="center", fontsize=7)
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    axes.invert_yaxis()
    largest = max(max(values) for _, values, _ in rows)
    targets = [claim for claim in claims(results) if f"{claim.metric}_mb" in DEFINITIONS]
    right = max([largest * 1.2, *(claim.target * 1.05 for claim in targets if claim.target < 4 * largest)])
    for claim in targets:
        target_line(axes, claim.target, f"{say('目标', 'target')} {fmt.target(claim)}", right)
    axes.set(xlabel=say("内存 / MB（竖线为各次测量）", "memory / MB (ticks: single runs)"), xlim=(0, right), ylim=(len(rows) - 0.4, -1),
             title=say(CAPTION, "memory of the serving process, by definition"))
    return [Drawing("memory", CAPTION, sheet, [item.id for item in found])]


def _rows(results: Mapping[str, Any], item: Seen, colour: str, several: bool) -> list[tuple[str, list[float], str]]:
    prefix = f"{artifact_name(results, item.model)} " if several and item.model else ""
    rows = [(prefix + say(*words), _list(item.details[name]), colour)
            for name, words in DEFINITIONS.items() if item.details.get(name)]
    if item.details.get("interpreter_mb"):
        rows.append((prefix + say("其中解释器与库", "interpreter and libraries"), _list(item.details["interpreter_mb"]), GREY))
    return rows


def _list(values: Any) -> list[float]:
    return [float(value) for value in values] if isinstance(values, list) else [float(values)]
