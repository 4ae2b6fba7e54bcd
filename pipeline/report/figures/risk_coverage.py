"""Risk-coverage curve: the more queries the device keeps, the more of them needed the cloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.ticker import PercentFormatter

from pipeline.report import format as fmt
from pipeline.report.figures.style import BLUE, GREY, RED, Drawing, figure, say
from pipeline.report.results import Seen, seen

CAPTION = "端云路由的风险-覆盖率曲线"


def draw(results: Mapping[str, Any]) -> list[Drawing]:
    """The first measurement with a curve."""
    found = [item for item in seen(results) if item.details.get("curve")]
    return [_draw(found[0])] if found else []


def _draw(item: Seen) -> Drawing:
    coverage, risk = (np.array(item.details["curve"][name], dtype=float) for name in ("coverage", "risk"))
    area, best = (f"{figure:.3f}" for figure in (item.measurement["value"], item.details["best"]))
    sheet = figure(6.8, left=1.7)
    axes = sheet.subplots()
    axes.plot(coverage, risk, color=BLUE, label=say(f"路由得分（AURC = {area}）", f"the router's score (AURC = {area})"))
    axes.plot(coverage, _ideal(coverage, risk[-1]), color=GREY, linestyle="--", linewidth=0.8,
              label=say(f"理想得分（AURC = {best}）", f"a score that is always right (AURC = {best})"))
    axes.axhline(risk[-1], color=GREY, linestyle=":", linewidth=0.8, label=say("随机保留", "kept by lot"))
    _mark(axes, item.details["operating"])
    axes.set(xlabel=say("覆盖率：端侧回答的查询占比", "coverage: share of the queries that the device answers"),
             ylabel=say("风险：其中应走云侧的占比", "risk: share of those that needed the cloud"),
             xlim=(0, 1.01), ylim=(0, max(risk.max(), 0.01) * 1.1), title=say(CAPTION, "routing: risk against coverage"))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(True)
    axes.legend(loc="center left")
    return Drawing("risk_coverage", CAPTION, sheet, [item.id])


def _ideal(coverage: np.ndarray, needing: float) -> np.ndarray:
    """The risk of keeping first all that does not need the cloud; ``needing``: the share that does."""
    return np.maximum(0, 1 - (1 - needing) / coverage)


def _mark(axes: Any, operating: Mapping[str, float | None]) -> None:
    """Where the router works; nowhere on the curve when it keeps nothing."""
    if operating["risk"] is None:
        return
    coverage, risk = (fmt.value(operating[name], "proportion") for name in ("coverage", "risk"))
    axes.plot(operating["coverage"], operating["risk"], "o", color=RED, markersize=5,
              label=say(f"实际工作点（覆盖率 {coverage}，风险 {risk}）", f"where the router works (coverage {coverage}, risk {risk})"))
