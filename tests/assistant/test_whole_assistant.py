"""What is measured as the whole assistant really answers: from its index and record, and not with an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.data.assistant.library import resources
from pipeline.edge.assistant.assistant import FAILED
from pipeline.edge.assistant.deploying import deploy
from pipeline.edge.assistant.library.index import Index
from pipeline.edge.assistant.workspace import Workspace, init
from pipeline.errors import EdgeError
from pipeline.measure.whole_assistant import WholeAssistant
from tests.assistant.tasks_model import build


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    init(tmp_path / "me")
    made = Workspace.open(tmp_path / "me")
    deploy(made, *build(tmp_path / "built"))
    with Index.open(made.index) as index:
        index.add(resources()[:40])
    return made


def test_it_stays_open_and_answers(workspace: Workspace) -> None:
    whole = WholeAssistant(workspace.root)
    for question in ("电磁学第一章的课件在哪", "今天学了40分钟高等数学", "电场强度的单位是什么"):
        assert whole.decide(question).route == "local"
    said = whole._assistant.answer("电磁学第一章的课件在哪").reply.text
    assert FAILED not in said


def test_an_assistant_that_fails_is_not_timed(workspace: Workspace) -> None:
    whole = WholeAssistant(workspace.root)
    whole._open.close()
    with pytest.raises(EdgeError, match="expected the assistant to answer"):
        whole.decide("电磁学第一章的课件在哪")
