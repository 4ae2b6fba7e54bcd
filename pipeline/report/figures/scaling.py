"""How the cost of a question grows with what there is to search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.ticker import NullFormatter, StrMethodFormatter

from pipeline.report.figures.style import BLUE, ORANGE, RED, Drawing, figure, say
from pipeline.report.results import claims, seen

CAPTION = "检索与学习记录查询的耗时随数据量的增长"
SERIES = {"retrieval_time": (("检索课程资料", "searching course files"), BLUE, "o"),
          "progress_time": (("查询学习记录", "asking the study record"), ORANGE, "s")}


def draw(results: Mapping[str, Any]) -> list[Drawing]:
    """P50 and P95 by size, both axes logarithmic, with the targets; nothing where fewer than two sizes were measured."""
    found = {metric: _points(results, metric) for metric in SERIES}
    if max(map(len, found.values())) < 2:
        return []
    sheet = figure(7.4, left=1.7)
    axes = sheet.subplots()
    for metric, points in found.items():
        words, colour, marker = SERIES[metric]
        sizes = [size for size, _ in points]
        for quantile, line in (("p95", "-"), ("p50", ":")):
            axes.plot(sizes, [details[quantile] for _, details in points], line, color=colour, marker=marker, markersize=4,
                      label=f"{say(*words)} {quantile.upper()}")
        for target in {claim.target for claim in claims(results) if claim.metric == metric}:
            axes.axhline(target, color=RED, linestyle="--", linewidth=0.8)
            axes.annotate(f"{say('目标', 'target')} {target:g} ms：{say(*words)}", (min(sizes, default=1), target), xytext=(2, 2),
                          textcoords="offset points", fontsize=7, color=RED)
    axes.set(xscale="log", yscale="log", xlabel=say("资料份数 / 记录条数", "files, or entries"), ylabel=say("耗时 / ms", "time / ms"),
             title=say(CAPTION, "cost of a question by size"))
    for axis in (axes.xaxis, axes.yaxis):  # matplotlib's own would be formulas, which the style does not read
        axis.set_major_formatter(StrMethodFormatter("{x:,.15g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.grid(True)
    axes.legend(loc="center left", bbox_to_anchor=(0, 0.62))
    return [Drawing("scaling", CAPTION, sheet, [item.id for item in seen(results) if item.measurement["metric"] in SERIES])]


def _points(results: Mapping[str, Any], metric: str) -> list[tuple[int, Mapping[str, float]]]:
    """Sizes with their percentiles, the smallest first."""
    told = [(item.measurement["conditions"]["items"], item.details) for item in seen(results)
            if item.measurement["metric"] == metric and "p95" in item.details]
    return sorted(told, key=lambda point: point[0])
