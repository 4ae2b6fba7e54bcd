"""Quantised models beside their original: quantization.json, and the one table that is rendered from it, four ways."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from pipeline.atomic import write_atomically
from pipeline.precision.compare import Comparison
from pipeline.report import format as fmt
from pipeline.report import latex, quantization_page
from pipeline.report.markdown.text import document, plain, table
from pipeline.report.recipe_steps import NONE, print_table
from pipeline.runtime.files import write_object

NAME = "quantization"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """A column of the table.  group: quality or cost; cell: its text, `NONE` where nothing was measured."""

    head: str
    caption: str
    group: str
    cell: Callable[[Row], str]


def write(comparison: Comparison, directory: Path) -> list[Path]:
    """quantization.json, .md, .tex and .html under ``directory``; what was written.  EdgeError where the disk refuses."""
    content = comparison.to_json()
    paths = [directory / f"{NAME}.{kind}" for kind in ("json", "md", "tex", "html")]
    write_object(paths[0], content)
    page = quantization_page.page(content, columns(content), notes(content), about(content))
    for path, text in zip(paths[1:], (markdown(content), tex(content), page), strict=True):
        write_atomically(path, text)
    return paths


def show(comparison: Comparison, stream: TextIO) -> None:
    """The table in a terminal, and what has to be known of it."""
    content = comparison.to_json()
    shown = columns(content)
    print_table(stream, [column.head for column in shown], [[column.cell(row) for column in shown] for row in content["rows"]],
                range(1, len(shown)), notes(content))


def markdown(content: Mapping[str, Any]) -> str:
    shown = columns(content)
    rows = [[plain(column.cell(row)) for column in shown] for row in content["rows"]]
    return document([
        "# 量化方法比较 (quantised models compared)", plain(about(content)),
        table([plain(f"{column.caption} ({column.head})") for column in shown], rows, numbers=range(1, len(shown))),
        "\n".join(f"- {plain(note)}" for note in notes(content)),
        "## 逐层误差 (error by layer)", _layers_table(content)])


def tex(content: Mapping[str, Any]) -> str:
    """Two booktabs tables to \\input, of quality and of cost: one would not go on a page."""
    first, *others = columns(content)
    parts = []
    for group, caption in (("quality", "量化模型的精度"), ("cost", "量化模型的体积、耗时与速度")):
        shown = [first, *(column for column in others if column.group == group)]
        rows = [latex.row(column.cell(row) for column in shown) for row in content["rows"]]
        parts.append(latex.longtable("l" + "r" * (len(shown) - 1), [latex.escape(column.caption) for column in shown], rows, caption,
                                     f"tab:quantization-{group}"))
    return "\n".join(parts)


def about(content: Mapping[str, Any]) -> str:
    """What was read, and where."""
    read = content["texts"]
    return f"{read['texts']:,} texts, {read['tokens']:,} tokens of {read['name']}; host {content['host']['host_class']}"


def columns(content: Mapping[str, Any]) -> list[Column]:
    """The table's columns, the method first; a pair of columns for each task that any model was asked."""
    tasks = list(dict.fromkeys(task for row in content["rows"] for task, found in row["tasks"].items() if "accuracy" in found))
    return [
        Column("method", "方法", "", lambda row: row["name"]),
        *(column for task in tasks for column in _of_task(task)),
        Column("agreement %", "逐词元一致率 / %", "quality", lambda row: _interval(row.get("agreement"), _percent)),
        Column("KL nats", "KL 散度 / nats", "quality", lambda row: _interval(row.get("divergence"), fmt.scientific)),
        Column("perplexity", "困惑度", "quality", lambda row: f"{row['perplexity']['candidate']:,.2f}"),
        Column("its ratio", "困惑度之比", "quality", lambda row: _interval(row["perplexity"].get("ratio"), "{:.4f}".format)),
        Column("worst cosine", "最差层余弦", "quality", _worst),
        Column("weights MB", "权重 / MB", "cost", lambda row: f"{row['size']['whole']['bytes'] / 1e6:,.1f}"),
        Column("of BF16 %", "占 BF16 / %", "cost", lambda row: _percent(row["size"]["whole"]["share"])),
        Column("matrices %", "矩阵占 BF16 / %", "cost", lambda row: _share(row["size"]["matrices"]["share"])),
        Column("quantised s", "量化耗时 / s", "cost", lambda row: f"{row['seconds']:,.1f}" if _known(row.get("seconds")) else NONE),
        Column("P50 ms", "P50 / ms", "cost", lambda row: _of_served(row, "p50_ms", "ms", "latency")),
        Column("P50 change %", "P50 变化 / %", "cost", lambda row: _interval(row["served"].get("change"), _percent)),
        Column("P95 ms", "P95 / ms", "cost", lambda row: _of_served(row, "p95_ms", "ms", "latency")),
        Column("runs / s", "吞吐 / (次/s)", "cost", lambda row: _of_served(row, "per_second", "count", "latency")),
        Column("peak RSS MB", "内存峰值 / MB", "cost", lambda row: _of_served(row, "peak_rss_mb", "MB", "memory")),
    ]


def notes(content: Mapping[str, Any]) -> list[str]:
    """What a reader has to know of the figures, a line each."""
    level = f"{content['confidence'] * 100:g} %"
    lines = [f"[lower, upper]: each bound one-sided at {level}; tokens are counted by text; losses, ratios and changes are paired",
             "of BF16: bytes as stored, scales counted, over two bytes a weight; matrices: the quantised ones alone, without embedding"]
    lines += [f"{row['name']}: made by {row['made_by']}" for row in content["rows"] if row["made_by"]]
    reasons: dict[str, list[str]] = {}
    for row in content["rows"]:
        for name, found in (("time", row.get("seconds")), ("served", row["served"]), *row["tasks"].items()):
            if isinstance(found, Mapping) and "reason" in found:
                reasons.setdefault(f"{name} not measured: {found['reason']}", []).append(row["name"])
        for kind, reason in row["served"].get("invalid", {}).items():
            reasons.setdefault(f"! {kind} is invalid: {reason}", []).append(row["name"])
    return [*lines, *(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())]


def _of_task(task: str) -> Iterable[Column]:
    def part(row: Row, name: str) -> str:
        return _interval(row["tasks"].get(task, {}).get(name), _percent)

    yield Column(f"{task} %", f"{task} 准确率 / %", "quality", lambda row: part(row, "accuracy"))
    yield Column(f"{task} loss", f"{task} 损失 / 百分点", "quality", lambda row: part(row, "loss"))


def _worst(row: Row) -> str:
    """Of the layers' outputs in the model's own run: the least cosine, and which layer's."""
    found = [(layer["through"]["cosine"], layer["layer"]) for layer in row.get("layers", ()) if layer["through"]["cosine"] is not None]
    return f"{min(found)[0]:.5f} (layer {min(found)[1]})" if found else NONE


def _layers_table(content: Mapping[str, Any]) -> str:
    """Cosine and relative error of each layer's outputs, in the model's own run and by itself."""
    rows = [[plain(row["name"]), str(layer["layer"]), *(NONE if layer[kind][figure] is None else f"{layer[kind][figure]:.5f}"
             for kind in ("through", "alone") for figure in ("cosine", "error"))]
            for row in content["rows"] for layer in row.get("layers", ())]
    heads = ["方法 (method)", "层 (layer)", "余弦 (cosine)", "相对误差 (error)", "单层余弦 (alone)", "单层误差 (alone)"]
    return table(heads, rows, numbers=range(1, len(heads))) if rows else ""


def _of_served(row: Row, figure: str, unit: str, kind: str) -> str:
    value = row["served"].get(figure)
    return NONE if value is None else fmt.number(value, unit) + (" !" if kind in row["served"].get("invalid", {}) else "")


def _known(value: Any) -> bool:
    return isinstance(value, (int, float))


def _percent(share: float) -> str:
    return fmt.number(share, "proportion")


def _share(share: float | None) -> str:
    return NONE if share is None else _percent(share)


def _interval(estimate: Mapping[str, Any] | None, say: Callable[[float], str]) -> str:
    """value [lower, upper]; without bounds where a single text gives none."""
    if not estimate or estimate.get("value") is None:
        return NONE
    if estimate["lower"] is None:
        return say(estimate["value"])
    return f"{say(estimate['value'])} [{say(estimate['lower'])}, {say(estimate['upper'])}]"


