"""edge_poc_accuracy_report.md: training, accuracy by intent, losses and agreement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.report import format as fmt
from pipeline.report import pairs
from pipeline.report.markdown import sections
from pipeline.report.markdown.text import digits, document, plain, table
from pipeline.report.markdown.training import training
from pipeline.report.matrices import matrices
from pipeline.report.results import Claim, Seen

if TYPE_CHECKING:
    from pipeline.report.figures.style import Picture

WRONG = 20


def render(results: Mapping[str, Any], items: list[Claim], pictures: Sequence[Picture]) -> str:
    phases = [claim.phase for claim in items]
    return document([
        "# 意图识别准确率报告 (edge PoC accuracy report)", sections.summary(results, items), sections.conditions(results),
        "## 目标与结论 (claims)", sections.claim_table(items), sections.reasons(items), sections.not_measured(items),
        sections.paired(items), agreement(results), training(results), *_confusions(results), sections.observations(results, phases),
        sections.figures(pictures, ["intent_confusion", "calibration", "training"]), sections.versions(results),
    ])


def agreement(results: Mapping[str, Any]) -> str:
    """一致性: how often two models decide alike, and how far their logits differ."""
    headers = ["测量 (measurement)", "n", "一致率 (agreement)", "不一致 (apart)", "logit 最大差 (largest)", "logit 平均差 (mean)"]
    rows = [[plain(cell) for cell in row] for row in pairs.agreements(results)]
    return f"## 预测一致性 (agreement)\n\n{table(headers, rows, numbers=range(1, 6))}" if rows else ""


def _confusions(results: Mapping[str, Any]) -> list[str]:
    return [part for same in matrices(results, "intents") for part in (_confusion(same), _recall(same[0]), _wrong(same[0]))]


def _confusion(same: list[Seen]) -> str:
    return f"## 混淆矩阵 (confusion)：{whose(same)}\n\n行为实际意图，列为预测意图。\n\n{matrix(same[0], 'intents')}"


def whose(same: list[Seen]) -> str:
    """The captions and ids of all that share a matrix."""
    return "、".join(f"{plain(item.caption)} ({plain(item.id)})" for item in same)


def matrix(item: Seen, kind: str) -> str:
    """A confusion matrix as a table, rows = expected."""
    names = [plain(name) for name in item.details[kind]]
    rows = [[name, *(str(count) for count in counts)] for name, counts in zip(names, item.details["confusion"], strict=True)]
    return table(["实际 \\ 预测", *names], rows, numbers=range(1, len(names) + 1))


def _recall(item: Seen) -> str:
    recall = item.details.get("recall") or {}
    rows = [[plain(name), fmt.value(share, "proportion")] for name, share in recall.items()]
    return "各意图召回率 (recall by intent)：\n\n" + table(["意图 (intent)", "召回率 (recall)"], rows, numbers=[1]) if rows else ""


def _wrong(item: Seen) -> str:
    wrong = item.details.get("wrong") or []
    rows = [[plain(one.get("query", "")), plain(one.get("expected", "")), plain(one.get("found", "")), digits(one.get("confidence"), 2)]
            for one in wrong[:WRONG]]
    total = item.details.get("wrong_count") or len(wrong)
    more = f"（共 {total} 条，列出前 {len(rows)} 条）" if total > len(rows) else ""
    headers = ["问句 (query)", "实际 (expected)", "预测 (found)", "置信度 (confidence)"]
    return f"判错的问句 (wrong answers){more}：\n\n" + table(headers, rows, numbers=[3]) if rows else ""
