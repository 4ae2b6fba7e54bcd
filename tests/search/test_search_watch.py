"""The bar over several workers: how many trials have ended, and what the last one found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.search.engines import watch
from pipeline.search.work import REFUSED, Budget
from tests.search import stand_in


class Bar:
    def __init__(self) -> None:
        self.told: list[tuple[int, str]] = []

    def update(self, completed: int, note: str) -> None:
        self.told.append((completed, note))


@pytest.mark.filterwarnings("ignore")  # Optuna's, of what is done by hand here
def test_the_bar_follows_the_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bar, url = Bar(), f"sqlite:///{tmp_path}/search.db"

    @contextmanager
    def track(description: str, total: int | None) -> Iterator[Bar]:
        assert (description, total) == ("trials", 9)
        yield bar

    monkeypatch.setattr(watch, "track", track)
    monkeypatch.setattr(watch.sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(watch, "EVERY", 0.0)
    with watch.watching(stand_in.plan(tmp_path, url), Budget(trials=9)) as look:
        look()
        assert bar.told == [], "no worker has made the study"
        study = stand_in.study(url)
        study.set_metric_names(["loss"])
        for x in (3.0, 2.5):
            trial = study.ask()
            study.tell(trial, x)
            look()
        trial = study.ask()
        trial.set_user_attr(REFUSED, True)
        study.tell(trial, 1.0)
        look()
    assert bar.told == [(1, "trial 0: loss 3"), (2, "trial 1: loss 2.5"), (2, "trial 1: loss 2.5")]


def test_nothing_is_looked_at_in_a_log(tmp_path: Path) -> None:
    with watch.watching(stand_in.plan(tmp_path, "nonsense"), Budget(trials=9)) as look:
        look()
