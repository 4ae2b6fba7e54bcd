"""Booktabs tables for a thesis: fragments to \\input, and a document that compiles alone with xelatex."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.atomic import write_atomically
from pipeline.report import format as fmt
from pipeline.report import pairs
from pipeline.report.results import Claim, artifact_bytes, artifact_name, by_phase, claims, host_line

if TYPE_CHECKING:
    from pipeline.report.figures.style import Picture

ESCAPES = str.maketrans({
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    "≈": r"$\approx$", "≥": r"$\geq$", "≤": r"$\leq$", "`": r"\textasciigrave{}", '"': r"\textquotedbl{}", "[": "{[}", "]": "{]}",
    "-": "{-}", "*": "{*}", "×": r"$\times$", **{letter: f"$^{{{chr(digit)}}}$" for digit, letter in fmt.SUPERSCRIPTS.items()},
})
RAGGED = r">{\raggedright\arraybackslash}p"
DOCUMENT = r"""% Generated; compile with: xelatex report.tex (twice, for the tables)
\documentclass[UTF8,a4paper,fontset=fandol]{ctexart}
\usepackage[margin=2.5cm]{geometry}
\usepackage{booktabs,longtable,array,graphicx,textcomp}
\begin{document}\sloppy
\section*{端侧意图识别验收结果}
"""


def render(results: Mapping[str, Any], folder: Path, pictures: Sequence[Picture] = ()) -> list[Path]:
    """Write a fragment a table, and report.tex with all of them; figures are expected in ../figures."""
    parts = {"claims.tex": claims_table(results), "paired.tex": paired_table(results), "agreement.tex": agreement_table(results),
             "artifacts.tex": artifact_table(results)}
    parts["report.tex"] = _document(results, list(parts), pictures)
    for name, text in parts.items():
        write_atomically(folder / name, text)
    return [folder / name for name in parts]


def escape(text: object) -> str:
    """Text from outside on one line, every character standing for itself; control characters go."""
    line = " ".join(str(text).split())
    return "".join(letter for letter in line if letter.isprintable()).translate(ESCAPES)


def claims_table(results: Mapping[str, Any]) -> str:
    """One row a claim, grouped by phase; a longtable that breaks over pages."""
    groups = by_phase(claims(results)).items()
    rows = []
    for phase, group in groups:
        rows.append(rf"\addlinespace \multicolumn{{7}}{{l}}{{\textbf{{{escape(phase)}}}}} \\")
        rows += [_claim_row(claim) for claim in group]
    heads = ["目标", "要求", "测量值", "区间", "$n$", "结论", "裕量"]
    return longtable(RAGGED + r"{3.7cm}rrrrlr", heads, rows, "验收目标、测量值、区间与结论", "tab:claims")


def _claim_row(claim: Claim) -> str:
    measured = fmt.chinese(fmt.measured(claim)).replace("（仅供参考）", "*")
    cells = [claim.caption, fmt.chinese(fmt.target(claim)), measured, fmt.chinese(fmt.interval(claim, unit=False)),
             fmt.count(claim.n), fmt.STATES[claim.state].chinese, fmt.margin(claim, unit=False)]
    return row(cells)


def paired_table(results: Mapping[str, Any]) -> str:
    """One row a paired claim, with McNemar's p."""
    heads = ["目标", "$n$", "仅参照答对", "仅被测答对", "McNemar $p$", "结论"]
    rows = [row(cells) for cells in pairs.paired(claims(results))]
    return longtable(RAGGED + "{5cm}rrrrl", heads, rows, "同一批查询上的配对比较（McNemar 精确检验，双侧）", "tab:paired")


def agreement_table(results: Mapping[str, Any]) -> str:
    """One row an agreement of two models, with the differences of their logits."""
    heads = ["测量", "$n$", "一致率", "不一致", "logit 最大差", "logit 平均差"]
    rows = [row(cells) for cells in pairs.agreements(results)]
    return longtable(RAGGED + "{5.6cm}rrrrr", heads, rows, "两个模型的预测一致性", "tab:agreement")


def artifact_table(results: Mapping[str, Any]) -> str:
    """Every artifact with the start of its key, its size and its inputs."""
    entries = (results.get("artifacts") or {}).items()
    rows = [row([artifact_name(results, key), key[:12], fmt.size(artifact_bytes(manifest)),
                 ", ".join(manifest.get("inputs") or {}) or fmt.NONE]) for key, manifest in entries]
    return longtable(RAGGED + "{4cm}lr" + RAGGED + "{5cm}", ["产物", "键", "大小", "输入"], rows, "产物索引", "tab:artifacts")


def row(cells: Iterable[object]) -> str:
    return " & ".join(escape(cell) for cell in cells) + r" \\"


def longtable(columns: str, heads: Sequence[str], rows: Sequence[str], caption: str, label: str) -> str:
    """The table; "" where it would have no rows."""
    if not rows:
        return ""
    head = " & ".join(heads) + r" \\"
    return "\n".join([
        r"\begingroup\footnotesize\setlength{\tabcolsep}{4pt}", rf"\begin{{longtable}}{{{columns}}}",
        rf"\caption{{{caption}}}\label{{{label}}} \\", r"\toprule", head, r"\midrule", r"\endfirsthead",
        r"\toprule", head, r"\midrule", r"\endhead", r"\bottomrule", r"\endlastfoot", *rows, r"\end{longtable}", r"\endgroup", ""])


def _document(results: Mapping[str, Any], parts: Sequence[str], pictures: Sequence[Picture]) -> str:
    run = results["run"]
    facts = (f"配置 {escape(run.get('profile', '-'))}，主机 {escape(host_line(results))}，运行 {escape(run.get('id', '-'))}。"
             "区间的上下界均为单侧置信界；带 * 的数值仅供参考，不作为结论。")
    images = [rf"\begin{{figure}}[htbp]\centering\includegraphics[width=14cm]{{../figures/{picture.pdf.name}}}"
              rf"\caption{{{escape(picture.caption)}}}\end{{figure}}" for picture in pictures]
    return "\n".join([DOCUMENT + facts, *(rf"\input{{{name}}}" for name in parts), *images, r"\end{document}", ""])
