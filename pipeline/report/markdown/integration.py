"""edge_poc_integration_report.md: all claims, routing between device and cloud, and the chain of artifacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.report.markdown import joint, sections
from pipeline.report.markdown.accuracy import matrix, whose
from pipeline.report.markdown.text import document, plain
from pipeline.report.matrices import matrices
from pipeline.report.results import Claim, by_phase

if TYPE_CHECKING:
    from pipeline.report.figures.style import Picture


def render(results: Mapping[str, Any], items: list[Claim], pictures: Sequence[Picture]) -> str:
    """The whole acceptance: ``items`` are all claims of the run."""
    phases = [f"### {plain(phase)}\n\n{sections.claim_table(group)}" for phase, group in by_phase(items).items()]
    return document([
        "# 端云集成验收报告 (edge PoC integration report)", sections.summary(results, items), sections.conditions(results),
        "## 全部目标与结论 (all claims)", *phases, sections.reasons(items), sections.not_measured(items), sections.paired(items),
        *_routing(results), joint.client_cases(results), joint.page(results), sections.observations(results),
        sections.figures(pictures, ["overview", "routing_confusion", "client_decision"]),
        sections.artifacts(results), sections.versions(results),
    ])


def _routing(results: Mapping[str, Any]) -> list[str]:
    return [f"## 路由混淆矩阵 (routing confusion)：{whose(same)}\n\n行为应走的路由，列为实际选择。\n\n{matrix(same[0], 'routes')}"
            for same in matrices(results, "routes")]
