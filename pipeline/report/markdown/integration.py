"""edge_poc_integration_report.md: all claims, routing between device and cloud, and the chain of artifacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.report import format as fmt
from pipeline.report.markdown import joint, sections
from pipeline.report.markdown.accuracy import matrix, whose
from pipeline.report.markdown.functions import functions
from pipeline.report.markdown.text import document, plain, table
from pipeline.report.markdown.training import training
from pipeline.report.matrices import matrices
from pipeline.report.results import Claim, Seen, by_phase, seen

if TYPE_CHECKING:
    from pipeline.report.figures.style import Picture

POLICIES = {"always-edge": "全部端侧", "always-cloud": "全部云侧", "random": "随机（云侧比例同规则加模型）", "rules": "仅规则",
            "model": "仅模型", "combined": "规则加模型（实际部署）"}


def render(results: Mapping[str, Any], items: list[Claim], pictures: Sequence[Picture]) -> str:
    """The whole acceptance: ``items`` are all claims of the run."""
    phases = [f"### {plain(phase)}\n\n{sections.claim_table(group)}" for phase, group in by_phase(items).items()]
    return document([
        "# 端云集成验收报告 (edge PoC integration report)", sections.summary(results, items), sections.conditions(results),
        "## 全部目标与结论 (all claims)", *phases, sections.reasons(items), sections.not_measured(items), sections.paired(items),
        training(results), *_routing(results), *policies(results), functions(results), joint.client_cases(results), joint.page(results),
        sections.observations(results),
        sections.figures(pictures, ["overview", "training", "routing_confusion", "risk_coverage", "client_decision", "end_to_end"]),
        sections.artifacts(results), sections.versions(results),
    ])


def _routing(results: Mapping[str, Any]) -> list[str]:
    return [f"## 路由混淆矩阵 (routing confusion)：{whose(same)}\n\n行为应走的路由，列为实际选择。\n\n{matrix(same[0], 'routes')}"
            for same in matrices(results, "routes")]


def policies(results: Mapping[str, Any]) -> list[str]:
    """路由策略比较: accuracy, misses, share and cost of every policy."""
    return [_policies(item) for item in seen(results) if item.details.get("policies")]


def _policies(item: Seen) -> str:
    costs = {route: f"{cost:g}" for route, cost in item.details["costs"].items()}
    note = (f"准确率与漏走云侧率按全部挑战查询计，端侧比例与成本按场景配比的 {fmt.count(item.details['n'])} 条查询计；"
            f"假定一次回答的成本为端侧 {costs['local']}、云侧 {costs['cloud']}，相对成本以“全部云侧”为 100 %。")
    rows = [[f"{POLICIES.get(row['policy'], '')} ({plain(row['policy'])})",
             *(fmt.value(row[name], "proportion") for name in ("accuracy", "miss_rate", "edge_share", "relative_cost"))]
            for row in item.details["policies"]]
    headers = ["策略 (policy)", "路由准确率 (accuracy)", "漏走云侧率 (miss rate)", "端侧处理比例 (edge share)", "相对成本 (relative cost)"]
    return f"## 路由策略比较 (routing policies)\n\n{note}\n\n{table(headers, rows, numbers=range(1, 5))}"
