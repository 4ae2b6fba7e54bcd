"""Reliability diagram: does a confidence of 0.8 mean right in 8 of 10 cases?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.report.figures.style import BLUE, GREY, Drawing, figure, say
from pipeline.report.results import Seen, seen

CAPTION = "置信度可靠性图"


def draw(results: Mapping[str, Any]) -> list[Drawing]:
    """The first measurement with calibration bins."""
    found = [item for item in seen(results) if any(one["n"] for one in item.details.get("bins") or [])]
    return [_draw(found[0])] if found else []


def _draw(item: Seen) -> Drawing:
    bins = [one for one in item.details["bins"] if one["n"]]
    sheet = figure(8.2, hspace=0.15)
    above, below = sheet.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    above.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=0.8, label=say("完全校准", "perfectly calibrated"))
    above.plot([one["confidence"] for one in bins], [one["accuracy"] for one in bins], "o-", color=BLUE, markersize=4,
               label=say("本模型", "this model"))
    above.set(ylabel=say("准确率", "accuracy"), ylim=(0, 1.03), xlim=(0, 1.01), title=say(CAPTION, "reliability diagram"))
    above.grid(True)
    above.legend(loc="upper left")
    for one in bins:
        below.bar((one["low"] + one["high"]) / 2, one["n"], width=(one["high"] - one["low"]) * 0.9, color=BLUE, alpha=0.6)
    below.set(xlabel=say("置信度", "confidence"), ylabel=say("条数", "queries"))
    return Drawing("calibration", CAPTION, sheet, [item.id])
