"""All claims at a glance: each figure and its interval, held against the target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from pipeline.report import format as fmt
from pipeline.report.figures.style import TICK, Drawing, figure, say
from pipeline.report.figures.wrap import wrap
from pipeline.report.results import Claim, claims

CAPTION = "验收目标总览：测量值与区间相对于目标的位置"
MOST = 20  # claims on a sheet, so that it fits a page of a thesis
POINTS, TIMES = 12.0, 32.0
ARROW = 1.06  # room for the arrow of what lies beyond, as a factor of the axis
# In cm: the least height of a row and what a line of words adds, the margins, and the words' room in the left one.
ROW, LINE, EDGE, GAP, LEFT, RIGHT = 0.58, 0.31, 1.7, 1.9, 5.3, 2.4
WORDS = LEFT - 0.2


def draw(results: Mapping[str, Any]) -> list[Drawing]:
    """Shares as points from the target, everything else as a factor of it; the good side is right in both.  As many sheets as it takes."""
    items = claims(results)
    sheets = -(-len(items) // MOST)
    return [_draw(items[len(items) * at // sheets:len(items) * (at + 1) // sheets], f"{at + 1}/{sheets}" if sheets > 1 else "")
            for at in range(sheets)]


def _draw(items: list[Claim], which: str) -> Drawing:
    """One sheet.  which: its number of how many, where there are several."""
    panels = [panel for panel in (([c for c in items if c.unit in fmt.PERCENT], _points),
                                  ([c for c in items if c.unit not in fmt.PERCENT], _times)) if panel[0]]
    rows, names = [len(group) for group, _ in panels], [_names(group) for group, _ in panels]
    row = max(map(_row, names))
    height = row * sum(rows) + EDGE + GAP * (len(rows) - 1) + 1.3
    sheet = figure(height, left=LEFT, right=RIGHT, top=EDGE, bottom=1.3, hspace=GAP / (row * sum(rows) / len(rows)))
    grid = sheet.subplots(len(rows), 1, squeeze=False, height_ratios=rows)[:, 0]
    for axes, (group, scale), words in zip(grid, panels, names, strict=True):
        scale(axes, group)
        _labels(axes, group, words)
    _legend(sheet, items, height, which)
    number = which.split("/")[0]
    return Drawing(f"overview_{number}" if which else "overview", f"{CAPTION}（{which}）" if which else CAPTION, sheet,
                   [claim.id for claim in items])


def _names(group: list[Claim]) -> list[str]:
    return [wrap(say(claim.caption, claim.id), WORDS, TICK) for claim in group]


def _row(names: list[str]) -> float:
    """The height of a row in cm that keeps each name clear of the next."""
    lines = [name.count("\n") + 1 for name in names]
    return max([ROW, *(LINE * (one + other) / 2 + 0.18 for one, other in pairwise(lines))])


def _points(axes: Axes, group: list[Claim]) -> None:
    def place(figure: float, claim: Claim) -> float:
        return (figure - claim.target) * (100 if claim.comparison == ">" else -100)

    axes.set_xlim(-ARROW * POINTS, ARROW * POINTS)
    axes.set_xlabel(say("与目标的距离 / 百分点（右侧为达标）", "distance from the target in points (right is good)"))
    axes.axvline(0, color="black", linewidth=0.8)
    _rows(axes, group, place, POINTS, -POINTS)


def _times(axes: Axes, group: list[Claim]) -> None:
    def place(figure: float, claim: Claim) -> float:
        ratio = figure / claim.target if claim.target else TIMES
        ratio = min(max(ratio, 1 / TIMES), TIMES)
        return ratio if claim.comparison == ">" else 1 / ratio

    axes.set_xscale("log", base=2)
    axes.set_xlim(TIMES ** -ARROW, TIMES ** ARROW)
    ticks = [1 / 16, 1 / 4, 1, 4, 16]
    axes.set_xticks(ticks, ["1/16", "1/4", "1", "4", "16"])
    axes.set_xlabel(say("优于目标的倍数（右侧为达标）", "times better than the target (right is good)"))
    axes.axvline(1, color="black", linewidth=0.8)
    _rows(axes, group, place, TIMES, 1 / TIMES)


def _rows(axes: Axes, group: list[Claim], place: Callable[[float, Claim], float], high: float, low: float) -> None:
    for row, claim in enumerate(group):
        if claim.value is None:
            continue
        state = fmt.STATES[claim.state]
        ends = [place(bound, claim) for bound in (claim.lower, claim.upper) if bound is not None]
        at = place(claim.value, claim)
        axes.plot([min([at, *ends]), max([at, *ends])], [row, row], color=state.colour, linewidth=1.6, solid_capstyle="butt")
        if low < at < high:
            hollow = "white" if claim.indicative else state.colour
            axes.plot([at], [row], state.marker, color=state.colour, markerfacecolor=hollow, markersize=5)
        else:
            axes.plot([min(max(at, low), high)], [row], ">" if at >= high else "<", color=state.colour, markersize=6)


def _labels(axes: Axes, group: list[Claim], names: list[str]) -> None:
    axes.set_ylim(len(group) - 0.4, -0.6)
    axes.set_yticks(range(len(group)), names)
    axes.tick_params(axis="y", length=0)
    axes.grid(True, axis="x")
    axes.spines["left"].set_visible(False)
    for row, claim in enumerate(group):
        figure = fmt.value(claim.value, claim.unit) if claim.value is not None else say("未测量", "not measured")
        figure = say(fmt.chinese(figure), figure)
        mark = "≈ " if claim.indicative else ""
        axes.annotate(mark + figure, (1.05, row), xycoords=("axes fraction", "data"), va="center", fontsize=7,
                      color=fmt.STATES[claim.state].colour, annotation_clip=False)


def _legend(sheet: Any, items: list[Claim], height: float, which: str) -> None:
    present = [state for name, state in fmt.STATES.items() if any(claim.state == name for claim in items)]
    marks = [Line2D([], [], color=state.colour, marker=state.marker, markersize=5, linewidth=1.6,
                    label=say(state.chinese, state.word)) for state in present]
    title = say("验收目标总览", "all claims against their targets")
    sheet.suptitle(f"{title} {which}".strip(), fontsize=9, y=1 - 0.25 / height)
    sheet.legend(handles=marks, loc="upper center", ncols=len(marks), bbox_to_anchor=(0.5, 1 - 0.7 / height))
