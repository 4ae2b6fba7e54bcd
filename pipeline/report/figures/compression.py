"""Compressed models: what each takes on disk against what it keeps of the accuracy, and how long a decision takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter
from matplotlib.transforms import Bbox

from pipeline.report.figures.style import BLUE, GREY, Drawing, figure, say

NAME = "compression"
CAPTION = "压缩后模型的大小、准确率与延迟"
ORIGINAL = "original"
LINE = 8  # points, of a name beside its point


def draw(content: Mapping[str, Any]) -> list[Drawing]:
    """Of the record in compression.json; the accuracy's panel where it was measured, intervals as bars."""
    rows = content["compared"]
    told = [row for row in rows if row["accuracy"]]
    sheet = figure(10.5 if told else 6.5, left=1.7, hspace=0.12)
    panels = sheet.subplots(2 if told else 1, sharex=True, squeeze=False)[:, 0]
    names = []
    if told:
        names += [(panels[0], _accuracy(panels[0], told))]
    names += [(panels[-1], _latency(panels[-1], rows))]
    sizes = [row["size_mb"] for row in rows]
    panels[-1].set(xscale="log", xlim=(min(sizes) / 1.25, max(sizes) * 1.7),
                   xlabel=say("大小 / MB（模型与决策文件）", "size / MB, of model and decision"))
    panels[-1].xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panels[-1].xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panels[-1].xaxis.set_minor_formatter(NullFormatter())
    panels[0].set_title(say(CAPTION, "compressed models: size, accuracy and latency"))
    for axes, points in names:
        axes.grid(True)
        _name(sheet, axes, points)
    return [Drawing(NAME, CAPTION, sheet)]


def _accuracy(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, float, float]]:
    for row in rows:
        found = row["accuracy"]
        bars = [[found["value"] - found["lower"]], [found["upper"] - found["value"]]]
        axes.errorbar(row["size_mb"], found["value"], yerr=bars, fmt="o", color=_colour(row), markersize=5, elinewidth=0.8, capsize=2)
    axes.set_ylabel(say("意图准确率", "intent accuracy"))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    return [(row["recipe"], row["size_mb"], row["accuracy"]["value"]) for row in rows]


def _latency(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, float, float]]:
    """Hollow where the measuring conditions were broken."""
    for row in rows:
        broken = "latency" in row["invalid"]
        axes.plot(row["size_mb"], row["p95_ms"], "o", color=_colour(row), markersize=5, fillstyle="none" if broken else "full")
    hollow = any("latency" in row["invalid"] for row in rows)
    note = say("\n（空心：测量条件无效）", "\n(hollow: invalid conditions)") if hollow else ""
    axes.set_ylabel(say("决策延迟 P95 / ms", "P95 of a decision / ms") + note)
    axes.set_ylim(0, max(row["p95_ms"] for row in rows) * 1.15)
    return [(row["recipe"], row["size_mb"], row["p95_ms"]) for row in rows]


def _colour(row: Mapping[str, Any]) -> str:
    return GREY if row["recipe"] == ORIGINAL else BLUE


def _name(sheet: Figure, axes: Axes, points: Sequence[tuple[str, float, float]]) -> None:
    """Each name right of its point, moved up or down line by line until it covers no other name and no point."""
    renderer = FigureCanvasAgg(sheet).get_renderer()
    sheet.draw(renderer)
    dots = [Bbox.from_bounds(x - 8, y - 8, 16, 16) for x, y in (axes.transData.transform(place) for _, *place in points)]
    taken: list[Bbox] = []
    for (name, x, y), own in zip(points, dots, strict=True):
        others = [dot for dot in dots if dot is not own]
        for step in sorted(range(-12, 13), key=abs):
            text = axes.annotate(name, (x, y), xytext=(7, LINE * step), textcoords="offset points", va="center", fontsize=7,
                                 arrowprops={"arrowstyle": "-", "linewidth": 0.4, "color": GREY} if step else None)
            box = text.get_window_extent(renderer)
            inside = axes.bbox.y0 <= box.y0 and box.y1 <= axes.bbox.y1
            if inside and not any(box.overlaps(other) for other in (*taken, *others)):
                break
            text.remove()
        taken.append(box)
