"""Claims of the project: each hands ``check`` a measurement, `thresholds.yaml` says what it is held against."""

from datetime import date, timedelta
from pathlib import Path

import dates
import pytest

from pipeline.measure.measurement import Exact, Proportion

DAYS = [date(2026, 1, 1) + timedelta(days=place) for place in range(300)]
WRITTEN = [f"{day:%Y-%m-%d}" if day.day % 2 else f"{day:%Y/%m/%d}" for day in DAYS]


@pytest.mark.claim("dates.read")
def test_dates_are_read(check):
    outcomes = [int(dates.read(text) == day) for text, day in zip(WRITTEN, DAYS, strict=True)]
    check(Proportion("dates_read", "proportion", outcomes=outcomes, items=WRITTEN))


@pytest.mark.claim("code.size")
def test_the_parser_is_small(check):
    check(Exact("size", "MB", value=Path(dates.__file__).stat().st_size / 1e6))
