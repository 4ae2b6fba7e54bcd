"""Compressed models: what each takes on disk against what it keeps of the accuracy, and how long a decision takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter
from matplotlib.transforms import Bbox

from pipeline.report.figures.style import BLUE, GREY, Drawing, figure, say

NAME = "compression"
CAPTION = "压缩后模型的大小、准确率与延迟"
ORIGINAL = "original"
LINE, LINES = 8, 14  # points of a name, and how many of them it may move
DOT = 4  # pixels around a point


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
    panels[-1].xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
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
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    return [(row["recipe"], row["size_mb"], row["accuracy"]["value"]) for row in rows]


def _latency(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, float, float]]:
    """Hollow where the measuring conditions were broken."""
    for row in rows:
        broken = "latency" in row["invalid"]
        axes.plot(row["size_mb"], row["p95_ms"], "o", color=_colour(row), markersize=5, fillstyle="none" if broken else "full")
    if any("latency" in row["invalid"] for row in rows):
        axes.text(0.01, 0.03, say("空心：测量条件无效", "hollow: invalid conditions"), transform=axes.transAxes, fontsize=7, color=GREY)
    axes.set_ylabel(say("决策延迟 P95 / ms", "P95 of a decision / ms"))
    axes.set_ylim(0, max(row["p95_ms"] for row in rows) * 1.15)
    return [(row["recipe"], row["size_mb"], row["p95_ms"]) for row in rows]


def _colour(row: Mapping[str, Any]) -> str:
    return GREY if row["recipe"] == ORIGINAL else BLUE


def _name(sheet: Figure, axes: Axes, points: Sequence[tuple[str, float, float]]) -> None:
    """Each name beside its point, moved up or down line by line until it covers no other name and no point."""
    renderer = FigureCanvasAgg(sheet).get_renderer()
    sheet.draw(renderer)
    dots = [Bbox.from_bounds(x - DOT, y - DOT, 2 * DOT, 2 * DOT) for x, y in (axes.transData.transform(place) for _, *place in points)]
    taken: list[Bbox] = []
    for name, *place in points:
        for step, side in [*((step, side) for step in sorted(range(-LINES, LINES + 1), key=abs) for side in (1, -1)), (0, 1)]:
            text = axes.annotate(name, place, xytext=(8 * side, LINE * step), textcoords="offset points", va="center", fontsize=7,
                                 ha="left" if side > 0 else "right",
                                 arrowprops={"arrowstyle": "-", "linewidth": 0.4, "color": GREY} if step else None)
            text.update_positions(renderer)
            box = Text.get_window_extent(text, renderer)  # without the line that leads to it
            inside = axes.bbox.contains(box.x0, box.y0) and axes.bbox.contains(box.x1, box.y1)
            if inside and not any(box.overlaps(other) for other in (*taken, *dots)):
                break
            text.remove()
        else:
            axes.add_artist(text)  # no place is free: beside its point
        taken.append(box)
