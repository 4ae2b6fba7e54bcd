"""训练过程: what the trainer logged, one row an evaluation, in the accuracy and the integration report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.report import format as fmt
from pipeline.report.markdown.text import digits, table


def training(results: Mapping[str, Any]) -> str:
    """Every adapter's steps: losses, token accuracy, the best checkpoint marked."""
    kinds = (("training", "意图分类", "intent"), ("functions_training", "改写与工具选择", "functions"),
             ("assistant_training", "学习助手的任务分类", "assistant"))
    return "\n\n".join(part for key, chinese, english in kinds if (part := _training(results.get(key) or {}, chinese, english)))


def _training(curves: Mapping[str, Any], chinese: str, english: str) -> str:
    if not curves.get("eval"):
        return ""
    rows = []
    for point in curves["eval"]:
        best = "最佳 (best)" if point["step"] == curves.get("best_step") else ""
        rows.append([str(point["step"]), digits(point.get("epoch"), 2), digits(_train_loss(curves, point["step"])),
                     digits(point.get("loss")), fmt.value(point.get("token_accuracy"), "proportion"), best])
    headers = ["步 (step)", "轮 (epoch)", "训练损失 (train loss)", "验证损失 (eval loss)",
               "词元准确率 (token accuracy)", "检查点 (checkpoint)"]
    counted = (curves.get("lora_parameters"), curves.get("base_parameters"), curves.get("rows", {}).get("train"))
    lora, base, samples = (fmt.value(figure, "count") for figure in counted)
    trained = "全部参数参与训练" if curves.get("lora_parameters") is None else f"LoRA 可训练参数 {lora}"
    facts = f"{trained}，基座参数 {base}，训练样本 {samples} 条，耗时 {fmt.duration(curves.get('seconds') or 0)}。"
    return f"## 训练过程 (training)：{chinese} ({english})\n\n{facts}\n\n{table(headers, rows, numbers=range(5))}"


def _train_loss(curves: Mapping[str, Any], step: int) -> float | None:
    """The last training loss logged at or before the step."""
    earlier = [point["loss"] for point in curves.get("train") or [] if point["step"] <= step and point.get("loss") is not None]
    return earlier[-1] if earlier else None
