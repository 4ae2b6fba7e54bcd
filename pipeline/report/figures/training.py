"""Loss and token accuracy over the training steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from pipeline.report.figures.style import BLUE, GREY, ORANGE, Drawing, figure, say

CURVES = {"training": ("LoRA 微调的损失与词元准确率曲线", "training.lora_parameters"),
          "assistant_training": ("学习助手任务分类训练的损失与词元准确率曲线", "assistant.converged")}


def draw(results: Mapping[str, Any]) -> list[Drawing]:
    """One figure for each adapter whose curves the record has."""
    return [_draw(name, results[name], *words) for name, words in CURVES.items()
            if (results.get(name) or {}).get("train") or (results.get(name) or {}).get("eval")]


def _draw(name: str, curves: Mapping[str, Any], caption: str, claim: str) -> Drawing:
    sheet = figure(6.2, left=1.1, wspace=0.2)
    loss, accuracy = sheet.subplots(1, 2)
    for axes, series, words in ((loss, "loss", ("损失", "loss")), (accuracy, "token_accuracy", ("词元准确率", "token accuracy"))):
        _curve(axes, curves.get("train") or [], series, BLUE, "", say("训练", "train"))
        _curve(axes, curves.get("eval") or [], series, ORANGE, "o", say("验证", "eval"))
        if curves.get("best_step") is not None:
            axes.axvline(curves["best_step"], color=GREY, linestyle=":", linewidth=1, label=say("最佳检查点", "best checkpoint"))
        axes.set(xlabel=say("训练步", "step"), title=say(*words))
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.grid(True)
    loss.set_ylim(bottom=0)
    loss.legend()
    return Drawing(name, caption, sheet, [claim])


def _curve(axes: Axes, points: list[Mapping[str, Any]], name: str, colour: str, marker: str, label: str) -> None:
    pairs = [(point["step"], point[name]) for point in points if point.get(name) is not None]
    if pairs:
        axes.plot(*zip(*pairs, strict=True), color=colour, marker=marker or None, markersize=3.5, label=label)
