from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.edge.assistant.record.study import StudyRecord


@pytest.fixture
def record(tmp_path: Path) -> Iterator[StudyRecord]:
    with StudyRecord.open(tmp_path) as opened:
        yield opened
