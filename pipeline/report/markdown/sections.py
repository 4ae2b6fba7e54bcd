"""What the three reports share: the conditions, tables of claims, reasons, artifacts, figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.report import format as fmt
from pipeline.report import pairs
from pipeline.report.markdown.text import plain, table
from pipeline.report.results import Claim, artifact_bytes, artifact_name, commit_label, counts, flat, host_facts, host_line, seen

if TYPE_CHECKING:
    from pipeline.report.figures.style import Picture


def conditions(results: Mapping[str, Any]) -> str:
    """测试条件: profile, host, threads, commit, duration."""
    run = results["run"]
    commit = commit_label(results, dirty="（有未提交的修改）") or "-"
    threads = sorted({str(item.measurement["conditions"]["threads"]) for item in seen(results)
                      if (item.measurement.get("conditions") or {}).get("threads") is not None})
    rows = {"运行编号 (run)": run.get("id", "-"), "配置 (profile)": run.get("profile", "-"),
            "该配置的适用范围 (scope)": run.get("says") or "-", "主机 (host)": host_line(results),
            "推理线程数 (threads)": ", ".join(threads) or "-", "代码版本 (commit)": commit,
            "开始时间 (started, UTC)": run.get("started", "-"), "总耗时 (duration)": fmt.duration(run.get("duration_s") or 0),
            "命令 (command)": " ".join(map(str, run.get("command") or [])) or "-"}
    return "## 测试条件 (conditions)\n\n" + table(["项目", "值"], [[name, plain(text)] for name, text in rows.items()])


def versions(results: Mapping[str, Any]) -> str:
    """配置与软件版本: the profile's settings and the libraries."""
    run = results["run"]
    settings = [[plain(name), plain(text)] for name, text in flat(run.get("profile_config") or {}).items()]
    libraries = [[plain(name), plain(text)] for name, text in flat(run.get("libraries") or {}).items()]
    host = [[plain(name), plain(text)] for name, text in host_facts(results).items()]
    parts = [("配置项 (profile settings)", settings), ("软件版本 (library versions)", libraries), ("主机信息 (host)", host)]
    return "\n\n".join(f"## {title}\n\n{table(['名称', '值'], rows)}" for title, rows in parts if rows)


def summary(results: Mapping[str, Any], items: list[Claim]) -> str:
    """The gate's state and how many of these claims are in which state."""
    tally = "，".join(f"{fmt.STATES[state].chinese} ({fmt.STATES[state].word}) {n} 项" for state, n in counts(items).items() if n)
    gate = plain((results["run"].get("gate") or {}).get("state", "-"))
    return f"本次运行的总体结论 (gate)：**{gate}**。本报告涉及 {len(items)} 项目标：{tally or '无'}。"


def claim_table(items: Iterable[Claim]) -> str:
    """One row a claim.  The interval's bounds are each one-sided at the claim's confidence."""
    headers = ["目标 (claim)", "编号 (id)", "要求 (target)", "测量值 (measured)", "区间 (interval)", "n", "置信度",
               "结论 (verdict)", "裕量 (margin)"]
    rows = [[plain(claim.caption), plain(claim.id), fmt.target(claim), fmt.measured(claim), fmt.interval(claim), fmt.count(claim.n),
             fmt.confidence(claim), _verdict(claim), fmt.margin(claim)] for claim in items]
    return table(headers, ([fmt.chinese(cell) if place > 1 else cell for place, cell in enumerate(row)] for row in rows),
                 numbers=(2, 3, 4, 5, 6, 8))


def _verdict(claim: Claim) -> str:
    state = fmt.STATES[claim.state]
    words = f"{state.chinese} ({state.word})"
    return words if claim.state == "pass" else f"**{words}**"


def reasons(items: Iterable[Claim]) -> str:
    """Claims that were measured and are not green, with the verdict's message."""
    rows = [f"- **{fmt.STATES[claim.state].chinese} ({fmt.STATES[claim.state].word})** {plain(claim.id)}：{plain(claim.sentence)}"
            for claim in items if claim.state not in ("pass", "not_measured")]
    return "## 未通过的目标 (not green)\n\n" + "\n".join(rows) if rows else ""


def not_measured(items: Iterable[Claim]) -> str:
    """未测量: what this run says nothing about, and why."""
    rows = [f"- {plain(claim.id)}（{plain(claim.caption)}）：{plain(claim.sentence)}"
            + (f" 所见数值 {fmt.chinese(fmt.measured(claim))}，不作为结论。" if claim.value is not None else "")
            for claim in items if claim.state == "not_measured"]
    body = "\n".join(rows) if rows else "本报告涉及的目标均已测量。"
    return f"## 未测量的目标及原因 (not measured, and why)\n\n{body}"


def paired(items: Iterable[Claim]) -> str:
    """配对比较: who was right where the other was wrong, with McNemar's p."""
    headers = ["目标 (claim)", "n", "仅参照答对 (reference only)", "仅被测答对 (candidate only)", "McNemar p", "结论 (verdict)"]
    rows = [[plain(cell) for cell in row] for row in pairs.paired(items)]
    note = "同一批查询上的比较；p 为 McNemar 精确检验的双侧 p 值。"
    return f"## 配对比较 (paired comparisons)\n\n{note}\n\n{table(headers, rows, numbers=range(1, 5))}" if rows else ""


def observations(results: Mapping[str, Any], phases: Sequence[str] | None = None) -> str:
    """Figures without a target, of the given phases."""
    rows = [[plain(entry.get("caption") or entry["title"]), plain(entry["id"]), fmt.chinese(fmt.summary(entry["measurement"]))]
            for entry in results.get("observations") or [] if phases is None or entry.get("phase") in phases]
    return "## 其他观测值 (observations without a target)\n\n" + table(["观测量", "编号", "值"], rows, numbers=[2]) if rows else ""


def artifacts(results: Mapping[str, Any]) -> str:
    """产物索引: every artifact with its key, inputs and size."""
    rows = [[plain(artifact_name(results, key)), f"`{key[:12]}`", fmt.size(artifact_bytes(manifest)),
             plain("、".join(f"{role}: {source[:12]}" for role, source in (manifest.get("inputs") or {}).items()) or "-"),
             plain("、".join(sorted(manifest.get("files") or {})))]
            for key, manifest in (results.get("artifacts") or {}).items()]
    headers = ["产物 (artifact)", "键 (key)", "大小 (size)", "输入 (inputs)", "文件 (files)"]
    return "## 产物索引 (artifact index)\n\n" + table(headers, rows, numbers=[2]) if rows else ""


def figures(pictures: Sequence[Picture], names: Sequence[str]) -> str:
    """Linked figures whose name starts with one of ``names``."""
    chosen = [picture for picture in pictures if picture.name.startswith(tuple(names))]
    links = [f"![{plain(picture.caption)}](figures/{picture.png.name})\n\n图：{plain(picture.caption)}" for picture in chosen]
    return "## 图 (figures)\n\n" + "\n\n".join(links) if links else ""
