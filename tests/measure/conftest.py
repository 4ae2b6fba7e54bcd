from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.measure import attempts
from pipeline.measure.decisions import Decisions, decide_all
from pipeline.measure.machine_lock import FOLDER_VARIABLE
from pipeline.measure.subject import Subject
from tests.measure import tiny


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine every meter tries again; no test here asks for a quiet one."""
    monkeypatch.setattr(attempts, "PAUSE", 0.0)


@pytest.fixture(scope="session", autouse=True)
def lock_of_these_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """They neither wait for a suite that measures on this machine nor keep it waiting."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(tmp_path_factory.mktemp("lock")))
        yield


@pytest.fixture(scope="session")
def records() -> list[dict[str, Any]]:
    return tiny.records()


@pytest.fixture(scope="session")
def queries(records: list[dict[str, Any]]) -> list[str]:
    return [record["query"] for record in records]


@pytest.fixture(scope="session")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return tiny.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return tiny.build(tmp_path_factory.mktemp("noisy"), "noisy", noise=1.5)


@pytest.fixture(scope="session")
def decided(subject: Subject, queries: list[str]) -> Decisions:
    return decide_all(subject, queries)


@pytest.fixture(scope="session")
def decided_noisily(noisy: Subject, queries: list[str]) -> Decisions:
    return decide_all(noisy, queries)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory in which a stray module would break any import that looked there."""
    (tmp_path / "json.py").write_text("raise RuntimeError('the working directory was imported from')")
    monkeypatch.chdir(tmp_path)
    return tmp_path
