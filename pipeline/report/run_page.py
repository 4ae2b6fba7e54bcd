"""The whole run as one HTML file: verdicts, trend and figures, no script, nothing fetched, light or dark as the reader's system is."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from pipeline.report import format as fmt
from pipeline.report.quantization_page import STYLE
from pipeline.report.results import Claim, by_phase, claims, commit_label, counts, host_line
from pipeline.report.trend import Run
from pipeline.report.trend_chart import chart

if TYPE_CHECKING:
    from pipeline.report.figures.style import Picture

NAME = "report.html"
PAGE = Path(__file__).with_name("run.html")
HEADS = ("目标 (claim)", "结论 (verdict)", "测量值 (measured)", "区间 (interval)", "阈值 (target)", "n", "说明 (reason)")


def page(results: Mapping[str, Any], pictures: Sequence[Picture], runs: Sequence[Run], versions: Mapping[str, str] = {}) -> str:
    """The whole document; ``runs``: the history with this run, oldest first; ``versions``: registered, by store key."""
    items = claims(results)
    run = results["run"]
    named = (f"profile {run.get('profile')}", f"run {run.get('id')}", str(run.get("finished") or ""))
    facts = (*named, host_line(results), commit_label(results))
    about = ", ".join(filter(None, facts))
    tallied = ", ".join(f"{n} {fmt.STATES[state].word}" for state, n in counts(items).items() if n)
    charts = [drawn for claim in items if (drawn := chart(claim, runs, versions))]
    history = (f"{len(runs)} runs of this profile on this class of host; the target is dashed, what regressed is orange" if charts
               else "the trend begins with the second run of this profile on this class of host")
    return Template(PAGE.read_text(encoding="utf-8")).substitute(
        style=STYLE.read_text(encoding="utf-8"), state=escape(str((run.get("gate") or {}).get("state") or "-")), about=escape(about),
        counts=escape(tallied), table=_table(items), history=escape(history), trend="".join(charts),
        pictures="".join(_picture(picture) for picture in pictures))


def _table(items: list[Claim]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in HEADS)
    body = "".join(f'<tr><th scope="rowgroup" colspan="{len(HEADS)}">{escape(phase)}</th></tr>{"".join(map(_row, group))}'
                   for phase, group in by_phase(items).items())
    return f'<table class="claims"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _row(claim: Claim) -> str:
    state = fmt.STATES[claim.state]
    moved = f'<small class="regressed">{escape(claim.change.state.replace("_", " "))}</small>' if claim.change else ""
    figures = (fmt.measured(claim), fmt.interval(claim), fmt.target(claim), fmt.count(claim.n))
    cells = "".join(f"<td>{escape(text)}</td>" for text in figures)
    return (f'<tr><th scope="row">{escape(claim.caption)}<small> {escape(claim.id)}</small></th>'
            f'<td class="{claim.state}">{state.chinese}<small>{state.word}</small>{moved}</td>{cells}'
            f'<td class="words">{escape(claim.sentence)}</td></tr>')


def _picture(picture: Picture) -> str:
    data, words = base64.b64encode(picture.png.read_bytes()).decode("ascii"), escape(picture.caption)
    return f'<figure><img src="data:image/png;base64,{data}" alt="{words}"><figcaption>{words}</figcaption></figure>'
