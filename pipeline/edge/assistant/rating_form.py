"""The rating form in a terminal, and what the ratings come to."""

from __future__ import annotations

import sys
from pathlib import Path

from pipeline.edge.assistant.ratings import Consent, Ratings
from pipeline.edge.assistant.ratings import satisfied as outcomes_of
from pipeline.edge.assistant.shown import shown
from pipeline.errors import EdgeError

CONFIDENCE = 0.95  # of each bound
CONSENT = "评分只保存在这台电脑上（星数、任务、时间），不会发送出去，随时可以撤回（edge assistant withdraw）。同意保存吗？[y/N] "
QUESTIONS = "要把问题原文也一起保存在这台电脑上吗？[y/N] "
STARS = "给几颗星？1-5，直接回车跳过："


def rate(folder: Path, task: str | None = None, stars: int | None = None, satisfied: bool | None = None, agree: bool = False,
         question: str | None = None) -> int:
    """Ask for consent where that was not done, then for stars where nothing is said yet; 1 where nothing was kept.

    Consent is remembered with the first rating that is kept, so none is left by one that is refused.
    EdgeError where nobody can be asked and it was not agreed on the command line.
    """
    ratings = Ratings(folder)
    agreed = None if ratings.consent.ratings else _asked(agree)
    if agreed and not agreed.ratings:
        ratings.agree(agreed)
        print("没有保存评分。")
        return 1
    if stars is None and satisfied is None and (stars := _stars()) is None:
        print("跳过了评分。")
        return 1
    kept = ratings.add(task=task, stars=stars, satisfied=satisfied, question=question, agreed=agreed)
    said = f"{stars} 星" if kept.stars else "满意" if kept.is_satisfied else "不满意"
    print(f"已保存：{said}。谢谢！")
    return 0


def show(folder: Path) -> int:
    """The share of satisfied ratings with its exact interval (Clopper and Pearson 1934); bad lines are named and left out."""
    from pipeline.verdict.statistics import clopper_pearson
    mistakes: list[str] = []
    outcomes = outcomes_of(Ratings(folder).read(mistakes))
    for mistake in mistakes:
        print(f"edge: {shown(mistake, kept='')}", file=sys.stderr)
    if not outcomes:
        print("还没有人评过分。`edge assistant rate` 可以评分。")
        return 0
    bounds = clopper_pearson(sum(outcomes), len(outcomes), CONFIDENCE)
    print(f"{len(outcomes)} 次评分，满意 {sum(outcomes)} 次：{sum(outcomes) / len(outcomes):.1%}，"
          f"区间 [{bounds.lower:.1%}, {bounds.upper:.1%}]（每边 {CONFIDENCE:.0%} 置信）")
    return 0


def withdraw(folder: Path) -> int:
    """Take consent back, and say where the ratings are that were kept."""
    ratings = Ratings(folder)
    print("已撤回同意，以后不再保存评分。" if ratings.withdraw() else "没有同意过保存评分，以后也不保存。")
    if ratings.file.exists():
        print(f"以前的评分还在 {shown(str(ratings.file), kept='')}，想删就删掉这个文件。")
    return 0


def _asked(agree: bool) -> Consent:
    if agree:
        return Consent(True)
    if not sys.stdin.isatty():
        raise EdgeError("expected consent to keep ratings on this machine, found nobody to ask; add --agree or rate in a terminal")
    yes = _yes(CONSENT)
    return Consent(yes, yes and _yes(QUESTIONS))


def _stars() -> int | None:
    if not sys.stdin.isatty():
        raise EdgeError("expected a number of stars, found nobody to ask; add --stars 1-5")
    while True:
        said = _line(STARS).strip()
        if not said:
            return None
        if said in ("1", "2", "3", "4", "5"):
            return int(said)


def _yes(question: str) -> bool:
    return _line(question).strip().lower() in ("y", "yes", "是", "好", "同意")


def _line(question: str) -> str:
    try:
        return input(question)
    except EOFError:
        return ""
