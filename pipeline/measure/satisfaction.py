"""How many of those who rated an answer were satisfied."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pipeline.edge.assistant.ratings import Ratings, satisfied
from pipeline.measure.measurement import NotMeasured, Proportion


def satisfaction(folder: Path) -> Proportion | NotMeasured:
    """1 for each rating of 4 stars or more, or that says so, of the ratings in a workspace's ``data/ratings``.

    details: ``by_task`` [satisfied, rated], ``stars``, ``skipped`` (lines that are no rating).  Not measured where nobody has rated.
    """
    skipped: list[str] = []
    ratings = Ratings(folder).read(skipped)
    if not ratings:
        return NotMeasured("satisfaction", "proportion", details={"skipped": skipped}, reason=(
            "nobody has rated an answer yet; use the assistant (`edge assistant`, /rate after an answer, or the gateway's page) and run "
            "again with the workspace's ratings"))
    outcomes = satisfied(ratings)
    by_task = {task or "": [sum(one for one, rating in zip(outcomes, ratings, strict=True) if rating.task == task), count]
               for task, count in Counter(rating.task for rating in ratings).items()}
    return Proportion("satisfaction", "proportion", details={
        "by_task": by_task, "stars": dict(Counter(str(rating.stars) for rating in ratings if rating.stars)), "skipped": skipped,
    }, outcomes=outcomes)
