"""The comparison of quantised models as one HTML file: no script, nothing fetched, light or dark as the reader's system is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pipeline.report.quantization import Column

PAGE = Path(__file__).with_name("quantization.html")
STYLE = Path(__file__).with_name("page.css")  # of all pages
GROUPS = {"quality": "精度 (quality)", "cost": "开销 (cost)"}
COLOURS = 7
WIDTH, HEIGHT, LEFT, BELOW, ABOVE = 960, 300, 64, 34, 12
LEAST = 1e-7  # a relative error below is drawn there: nothing is no place on a logarithmic axis


class Line(NamedTuple):
    """A method's relative error by layer; ``alone`` is drawn dashed."""

    name: str
    colour: int
    alone: bool
    errors: list[float]


def page(content: Mapping[str, Any], columns: Sequence[Column], notes: Sequence[str], about: str) -> str:
    """The whole document."""
    return Template(PAGE.read_text(encoding="utf-8")).substitute(
        style=STYLE.read_text(encoding="utf-8"), about=escape(about), tables=_tables(content["rows"], columns),
        notes="".join(f"<li>{escape(note)}</li>" for note in notes), chart=_chart(content["rows"]))


def _tables(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> str:
    """One of each group, below each other: side by side they go on no screen."""
    first, *others = columns
    groups = ((title, [first, *(one for one in others if one.group == group)]) for group, title in GROUPS.items())
    return "".join(f'<h2>{title}</h2><div class="scroll">{_table(rows, shown)}</div>' for title, shown in groups)


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> str:
    heads = "".join(f'<th scope="col">{escape(one.caption)}<small>{escape(one.head)}</small></th>' for one in columns)
    body = "".join(f"<tr>{''.join(_cell(column.cell(row), place) for place, column in enumerate(columns))}</tr>" for row in rows)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _cell(text: str, place: int) -> str:
    """The figure, and its interval below it."""
    if not place:
        return f'<th scope="row">{escape(text)}</th>'
    figure, bracket, rest = text.partition(" [")
    return f"<td>{escape(figure)}{f'<small>[{escape(rest)}</small>' if bracket else ''}</td>"


def _chart(rows: Sequence[Mapping[str, Any]]) -> str:
    """Relative error of the layers' outputs; "" where no layer was compared."""
    shown = [row for row in rows if row.get("layers")]
    lines = [Line(row["name"], place % COLOURS, kind == "alone", [max(layer[kind]["error"] or 0.0, LEAST) for layer in row["layers"]])
             for place, row in enumerate(shown) for kind in ("through", "alone")]
    if not lines:
        return ""
    low, high = floor(log10(min(min(line.errors) for line in lines))), ceil(log10(max(max(line.errors) for line in lines)))
    high = max(high, low + 1)
    longest = max(len(line.errors) for line in lines)
    grid = "".join(_rule(power, low, high) for power in range(low, high + 1))
    ticks = "".join(f'<text x="{_x(layer, longest):.1f}" y="{HEIGHT - 12}" text-anchor="middle">{layer}</text>'
                    for layer in range(0, longest, max(1, longest // 14)))
    paths = "".join(f'<path{" class=alone" * line.alone} style="stroke:var(--s{line.colour})" d="{_path(line, longest, low, high)}"/>'
                    for line in lines)
    legend = "".join(f'<b style="color:var(--s{place % COLOURS})">{escape(row["name"])}</b>' for place, row in enumerate(shown))
    return (f'<h2>逐层相对误差 (relative error of each layer\'s output)</h2><figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="relative error by layer">{grid}{ticks}{paths}</svg><figcaption>{legend}'
            "<span>实线：整体运行中累积 (solid: in the model's own run)；虚线：单层输入为原模型 (dashed: on the original's input)</span>"
            "</figcaption></figure>")


def _rule(power: int, low: int, high: int) -> str:
    y = _y(10.0 ** power, low, high)
    return (f'<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">10<tspan dy="-5" font-size="9">{power}</tspan></text>')


def _path(line: Line, longest: int, low: int, high: int) -> str:
    return "M" + "L".join(f"{_x(layer, longest):.1f},{_y(error, low, high):.1f}" for layer, error in enumerate(line.errors))


def _x(layer: int, longest: int) -> float:
    return LEFT + 12 + layer * (WIDTH - LEFT - 24) / max(longest - 1, 1)


def _y(error: float, low: int, high: int) -> float:
    return ABOVE + (high - log10(error)) / (high - low) * (HEIGHT - ABOVE - BELOW)
