"""Loss and token accuracy over the training steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from pipeline.report.figures.style import BLUE, GREY, ORANGE, Drawing, figure, say

CAPTION = "LoRA 微调的损失与词元准确率曲线"


def draw(results: Mapping[str, Any]) -> list[Drawing]:
    curves = results.get("training") or {}
    if not curves.get("train") and not curves.get("eval"):
        return []
    sheet = figure(6.2, left=1.1, wspace=0.2)
    loss, accuracy = sheet.subplots(1, 2)
    for axes, name, words in ((loss, "loss", ("损失", "loss")), (accuracy, "token_accuracy", ("词元准确率", "token accuracy"))):
        _curve(axes, curves.get("train") or [], name, BLUE, "", say("训练", "train"))
        _curve(axes, curves.get("eval") or [], name, ORANGE, "o", say("验证", "eval"))
        if curves.get("best_step") is not None:
            axes.axvline(curves["best_step"], color=GREY, linestyle=":", linewidth=1, label=say("最佳检查点", "best checkpoint"))
        axes.set(xlabel=say("训练步", "step"), title=say(*words))
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.grid(True)
    loss.set_ylim(bottom=0)
    loss.legend()
    return [Drawing("training", CAPTION, sheet, ["training.lora_parameters"])]


def _curve(axes: Axes, points: list[Mapping[str, Any]], name: str, colour: str, marker: str, label: str) -> None:
    pairs = [(point["step"], point[name]) for point in points if point.get(name) is not None]
    if pairs:
        axes.plot(*zip(*pairs, strict=True), color=colour, marker=marker or None, markersize=3.5, label=label)
