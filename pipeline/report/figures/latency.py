"""Distribution of the latencies: a histogram above, the share of runs that were at most as slow below."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.percentile import percentile
from pipeline.report import format as fmt
from pipeline.report.figures.style import RED, Drawing, figure, say, shades, target_line
from pipeline.report.results import Claim, Seen, artifact_name, claims, seen

WORDS = {"end_to_end": ("端到端响应时间分布", "end to end, question to whole answer"),
         "latency": ("单次决策延迟分布", "latency of a decision"),
         "latency_in_turns": ("各格式轮流测量的单次决策耗时", "a decision in each format, in turns"),
         "answer_latency": ("学习助手完整回答的耗时分布", "the learning assistant's whole answer"),
         "retrieval_time": ("不同资料量下的检索耗时分布", "searching course files"),
         "progress_time": ("不同记录量下的学习记录查询耗时分布", "asking the study record"),
         "client_decision": ("客户端所见的决策耗时分布", "a decision as its client sees it"),
         "speedup": ("交替测量的单次决策耗时", "interleaved times of a decision")}
FAR = 8.0


def draw(results: Mapping[str, Any]) -> list[Drawing]:
    """One figure a metric with percentiles, and one of the interleaved pairs behind a speed-up."""
    found: dict[str, dict[str, np.ndarray]] = {}
    shown: dict[str, list[str]] = {}
    for item in seen(results):
        for name, values in _series(results, item).items():
            metric = str(item.measurement["metric"])
            known = found.setdefault(metric, {})
            if not any(np.array_equal(values, other) for other in known.values()):
                known[name if name not in known else f"{name} ({item.id})"] = values
            shown.setdefault(metric, []).append(item.id)
    items = claims(results)
    return [_draw(metric, dict(sorted(series.items())), [claim for claim in items if claim.metric == metric], sorted(set(shown[metric])))
            for metric, series in found.items()]


def _series(results: Mapping[str, Any], item: Seen) -> dict[str, np.ndarray]:
    measurement = item.measurement
    if measurement["shape"] == "sample" and "p50" in item.details and measurement.get("unit") == "ms":
        return _filled({_subject(results, item): measurement["values"]})
    if measurement["shape"] == "paired_sample":
        roles = [artifact_name(results, item.artifacts[role]) if role in item.artifacts else role
                 for role in ("reference", "candidate")]
        names = roles if roles[0] != roles[1] else ["reference", "candidate"]
        return _filled(dict(zip(names, (measurement["reference"], measurement["candidate"]), strict=True)))
    return {}


def _filled(series: Mapping[str, list[float]]) -> dict[str, np.ndarray]:
    return {name: np.sort(np.asarray(values, dtype=float)) for name, values in series.items() if len(values) > 1}


def _draw(metric: str, series: Mapping[str, np.ndarray], judged: list[Claim], shown: list[str]) -> Drawing:
    chinese, english = WORDS.get(metric, (f"{metric} 耗时分布", f"{metric}: distribution of the times"))
    sheet = figure(8.6, hspace=0.12)
    above, below = sheet.subplots(2, 1, sharex=True, height_ratios=(2, 3))
    right = _right_edge(series, judged)
    left = min(float(values[0]) for values in series.values()) * 0.9
    apart = _far_apart(series)
    if apart:
        right *= 2  # room for the words beside the slowest
    bins = (np.geomspace if apart else np.linspace)(left, right, 50)
    for row, (colour, (name, values)) in enumerate(zip(shades(len(series)), series.items(), strict=True)):
        above.hist(values, bins=bins, color=colour, alpha=0.55, label=_label(name, values, right))
        below.step(values, np.arange(1, len(values) + 1) / len(values), where="post", color=colour)
        _percentiles(below, values, colour, row)
    for claim in judged:
        if claim.unit == "ms":
            where = f"P{claim.percentile * 100:g} " if claim.percentile else ""
            target_line(above, claim.target, f"{say('目标', 'target')} {where}{fmt.target(claim)}", right)
            below.axvline(claim.target, color=RED, linestyle="--", linewidth=1)
    if apart:
        above.set_xscale("log")
        below.xaxis.set_major_formatter("{x:g}")
    above.margins(y=0.35)
    above.set(ylabel=say("次数", "runs"), title=say(chinese, english), xlim=(left, right))
    below.set(xlabel=say("耗时 / ms", "time / ms"), ylabel=say("累积比例", "share of runs"), ylim=(0, 1.02))
    below.grid(True)
    above.legend(loc="upper center", frameon=True, edgecolor="none")
    return Drawing(metric, chinese, sheet, shown)


def _right_edge(series: Mapping[str, np.ndarray], judged: list[Claim]) -> float:
    """Holds 99.5 % of each series, so that one outlier does not squeeze the rest, and every target that is near."""
    edge = max(percentile(values, 0.995) for values in series.values()) * 1.08
    return max([edge, *(claim.target * 1.05 for claim in judged if claim.unit == "ms" and claim.target <= 2 * edge)])


def _far_apart(series: Mapping[str, np.ndarray]) -> bool:
    """Whether one series is so much slower than another that a linear axis would squeeze the faster into its edge."""
    medians = [float(np.median(values)) for values in series.values()]
    return max(medians) > FAR * min(medians)


def _subject(results: Mapping[str, Any], item: Seen) -> str:
    """The model, or among how many items was searched."""
    if item.model:
        return artifact_name(results, item.model)
    items = item.measurement["conditions"].get("items")
    return item.id if items is None else say(f"{items:,} 项", f"{items:,} items")


def _label(name: str, values: np.ndarray, right: float) -> str:
    """The series with its n and, since the axis ends at ``right``, how many of them are not drawn."""
    beyond = int((values > right).sum())
    unseen = say(f"，其中 {beyond} 次超出图右缘", f", {beyond} beyond the right edge") if beyond else ""
    return f"{name} (n = {len(values)}{unseen})"


def _percentiles(axes: Any, values: np.ndarray, colour: str, row: int) -> None:
    """Marks P50 and P95; ``row`` sets the words of series of like speed one below the other."""
    for q, marker in ((0.50, "o"), (0.95, "s")):
        at = percentile(values, q)
        axes.plot([at], [q], marker=marker, color=colour, markersize=4.5)
        axes.annotate(f"P{q * 100:.0f} = {at:.1f} ms", (at, q), xytext=(6, -9 - 9 * row), textcoords="offset points",
                      fontsize=7, color=colour)
