"""A search's front: every trial by what it takes and what it costs, the constraints, and the knee."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from pipeline.report import format as fmt
from pipeline.report.figures.style import BLUE, GREEN, GREY, ORANGE, RED, Drawing, figure, say

if TYPE_CHECKING:
    from pipeline.search.knee import Axis
    from pipeline.search.report import Found, Placed

NAME = "front"
CAPTION = "搜索结果：帕累托前沿与推荐配方"
WORDS = {"accuracy_loss": "准确率损失", "size": "大小", "size_share": "体积占比", "memory": "内存", "p95": "延迟 P95", "speedup": "加速比",
         "peak_rss": "常驻内存峰值", "file": "文件大小", "divergence": "KL 散度", "loss": "损失"}
SHADE = 0.12


def draw(content: Found) -> list[Drawing]:
    """The first objective against each of the others, one panel each; nothing without a finished trial or a second objective."""
    first, *others = content.objectives
    if not content.points or not others:
        return []
    sheet = figure(7.0 if len(others) == 1 else 7.5, left=1.6, top=1.3, wspace=0.12)
    panels = sheet.subplots(1, len(others), sharey=True, squeeze=False)[0]
    for axes, other in zip(panels, others, strict=True):
        _panel(axes, content, other, first)
    panels[0].set_ylabel(_label(first))
    handles = {label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    sheet.legend(handles.values(), handles.keys(), loc="upper center", ncols=6, frameon=False, columnspacing=1.0, handletextpad=0.4)
    return [Drawing(NAME, CAPTION, sheet)]


def _panel(axes: Axes, content: Found, x: Axis, y: Axis) -> None:
    def dots(chosen: Sequence[Placed], form: str, colour: str, label: str, **look: object) -> None:
        if chosen:
            places = [[_scaled(point.values[one.name], one) for point in chosen] for one in (x, y)]
            axes.plot(*places, form, color=colour, label=label, **look)

    named = _hand_written(content)
    plain = [point for point in content.points if not point.on_front and point.trial not in named]
    dots([point for point in plain if not point.feasible], "x", GREY, say("不满足约束", "infeasible"), markersize=4, markeredgewidth=0.7)
    dots([point for point in plain if point.feasible], "o", GREY, say("其他试验", "other trials"), markersize=3, alpha=0.7)
    dots([point for point in content.points if point.trial in named], "D", ORANGE, say("手写配方", "hand-written"), markersize=4)
    if len(content.objectives) == 2:
        _staircase(axes, content, x, y)
    dots([point for point in content.front if point.trial not in named], "o", BLUE, say("前沿", "front"), markersize=4.5)
    dots([point for point in content.points if content.knee and point.trial == content.knee.trial], "o", GREEN,
         say("推荐", "recommended"), markersize=10, fillstyle="none", markeredgewidth=1.6)
    for point in content.points:
        if point.trial in named:
            axes.annotate(named[point.trial], [_scaled(point.values[one.name], one) for one in (x, y)], xytext=(4, 4),
                          textcoords="offset points", fontsize=6)
    _shade(axes, x, axes.get_xlim, axes.set_xlim, axes.axvspan)
    _shade(axes, y, axes.get_ylim, axes.set_ylim, axes.axhspan)
    axes.set_xlabel(_label(x))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(True)


def _staircase(axes: Axes, content: Found, x: Axis, y: Axis) -> None:
    """What the front dominates ends at this line."""
    places = sorted(tuple(_scaled(point.values[one.name], one) for one in (x, y)) for point in content.front)
    axes.plot(*zip(*places, strict=True) if places else ([], []), color=BLUE, linewidth=0.8,
              drawstyle="steps-post" if x.direction == "minimize" else "steps-pre")


def _shade(axes: Axes, one: Axis, limits: Callable[[], tuple[float, float]], limit: Callable[[float, float], object],
           span: Callable[..., object]) -> None:
    """The side of the target that the claim forbids, where it is in sight."""
    low, high = limits()
    if one.target is None or not low < (at := _scaled(one.target, one)) < high:
        return
    span(*((at, high) if one.direction == "minimize" else (low, at)), color=RED, alpha=SHADE, linewidth=0,
         label=say("约束之外", "outside a constraint"))
    limit(low, high)


def _hand_written(content: Found) -> dict[int, str]:
    """Trial -> name, of the recipes that come with the project."""
    from pipeline.compress.recipe import recipes
    from pipeline.search.report import recipe_of

    known, named = set(recipes()), {point.trial: recipe_of(point).name for point in content.points}
    return {trial: name for trial, name in named.items() if name in known}


def _scaled(value: float, one: Axis) -> float:
    return value * 100 if one.unit in fmt.PERCENT else value


def _label(one: Axis) -> str:
    unit = {"points": say("百分点", "points"), "proportion": "%", "count": "", "ratio": ""}.get(one.unit, one.unit)
    words = say(WORDS.get(one.name.rpartition(".")[2], one.short), one.short)
    return f"{words} / {unit}" if unit else words
