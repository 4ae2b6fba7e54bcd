"""Confusion matrices: counts, shaded by the share of the expected class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from pipeline.report.figures.style import BLUE, TICK, Drawing, figure, say
from pipeline.report.figures.wrap import width
from pipeline.report.matrices import matrices
from pipeline.report.results import Seen, intent_caption

SHADE = LinearSegmentedColormap.from_list("shade", ["#FFFFFF", BLUE])
KINDS = {"intents": ("意图混淆矩阵", "intents: confusion", "intent_confusion"),
         "routes": ("端云路由混淆矩阵", "routing: confusion", "routing_confusion")}


def draw(results: Mapping[str, Any]) -> list[Drawing]:
    """One heat map for every different matrix of a claim; those of observations only where no claim has one."""
    judged = {str(entry["id"]) for entry in results["claims"]}
    drawings: list[Drawing] = []
    for kind in KINDS:
        groups = matrices(results, kind)
        groups = [same for same in groups if any(item.id in judged for item in same)] or groups
        drawings += [_draw(kind, same, _names(results, kind, same[0]), len(groups) > 1) for same in groups]
    return drawings


def _names(results: Mapping[str, Any], kind: str, item: Seen) -> list[str]:
    names = [str(name) for name in item.details[kind]]
    return [say(intent_caption(results, name), name) for name in names] if kind == "intents" else names


def _draw(kind: str, same: list[Seen], names: list[str], several: bool) -> Drawing:
    chinese, english, name = KINDS[kind]
    item = same[0]
    counts = np.asarray(item.details["confusion"], dtype=float)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    cell = 1.15 if len(names) > 2 else 1.8
    side = cell * len(names)
    slanted = any(width(word, TICK) > cell - 0.1 for word in names)
    sheet = figure(side + (3.3 if slanted else 2), left=(14 - side) / 2, right=(14 - side) / 2, bottom=2.5 if slanted else 1.2)
    axes = sheet.subplots()
    axes.imshow(shares, cmap=SHADE, vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(counts.shape):
        colour = "white" if shares[row, column] > 0.55 else "black"
        axes.text(column, row, f"{counts[row, column]:.0f}", ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(names)), names, rotation=30 if slanted else 0, ha="right" if slanted else "center",
                    rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel(say("预测", "found"))
    axes.set_ylabel(say("实际", "expected"))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    right = np.trace(counts) / max(counts.sum(), 1)
    suffix = f" · {item.id}" if several else ""
    total, share = f"n = {counts.sum():.0f}", f"{right * 100:.1f} %"
    axes.set_title(say(f"{chinese}（{total}，正确 {share}）", f"{english} ({total}, {share} right)") + suffix)
    caption = chinese + (f"（{item.caption or item.id}）" if several else "")
    return Drawing(f"{name}_{item.id.replace('.', '_')}" if several else name, caption, sheet, [other.id for other in same])
