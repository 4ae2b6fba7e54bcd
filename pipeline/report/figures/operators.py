"""Where a run's time goes, one bar a kind of operator."""

from __future__ import annotations

from pipeline.profiling.operators import OperatorProfile
from pipeline.report.figures.style import BLUE, GREY, Drawing, figure, say

SHOWN = 12
CAPTION = "各类算子占用的时间"
ESTIMATE = "各类算子的乘加运算量（估计）"


def drawing(profile: OperatorProfile, name: str) -> Drawing:
    """The costliest kinds, the longest bar on top."""
    kinds = list(profile.by_kind().items())[:SHOWN]
    sheet = figure(2.2 + 0.55 * len(kinds), left=4.8, right=1.4)
    axes = sheet.subplots()
    shares = [100 * profile.share(operators) for _, operators in kinds]
    axes.barh(range(len(kinds)), shares, color=GREY if profile.estimated else BLUE, height=0.65)
    for place, share in enumerate(shares):
        axes.annotate(f"{share:.1f} %", (share, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=7)
    axes.set_yticks(range(len(kinds)), [f"{kind[:24]} ×{sum(one.calls for one in operators)}" for kind, operators in kinds])
    axes.invert_yaxis()
    title = say(ESTIMATE, "multiply-accumulates by operator (estimate)") if profile.estimated else say(CAPTION, "time by operator")
    axes.set(xlabel=say("占比 / %", "share / %"), xlim=(0, max([*shares, 1.0]) * 1.15), title=f"{title} · {profile.model[:40]}")
    return Drawing(name, ESTIMATE if profile.estimated else CAPTION, sheet)
