"""A study record that was damaged and mended is named when the assistant opens."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.edge.assistant import opened
from pipeline.edge.assistant.record.entry import SESSION
from pipeline.edge.assistant.record.study import StudyRecord
from pipeline.edge.assistant.workspace import Workspace, init
from tests.assistant.study import NOON


def test_what_was_mended_in_the_study_record_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(opened, "note", told.append)
    monkeypatch.setattr(opened, "open_classifier", lambda workspace: None)
    init(tmp_path)
    me = Workspace.open(tmp_path)
    with StudyRecord.open(me.record) as record:
        record.log(SESSION, NOON, minutes=40)
    (me.record / "study.db").write_bytes(b"no database")
    with opened.open_assistant(me):
        assert any("study.db" in line and "made again" in line for line in told)
    told.clear()
    with opened.open_assistant(me):
        assert not told
