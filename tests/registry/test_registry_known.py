"""Which version a model of the store is: the newest of each name, and nothing where nothing is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.registry import Lineage, Registry, Version
from pipeline.registry.known import known_versions
from tests.registry.conftest import MODEL_KEY


def test_a_key_is_the_newest_version_of_each_name(registry: Registry, add: Callable[..., Version], model: Path) -> None:
    assert known_versions() == {}
    add(), add()
    registry.register("other", model, lineage=Lineage(key=MODEL_KEY), by="ann")
    registry.register("other", model, lineage=Lineage(kind="directory"), by="ann")
    assert known_versions() == {MODEL_KEY: "other@1, small@2"}


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////proc/none/registry.db", "postgresql://ann:secret@127.0.0.1:1/none"])
def test_a_registry_that_does_not_answer_names_nothing(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EDGE_REGISTRY_URL", url)
    monkeypatch.setenv("EDGE_REGISTRY_ARTIFACTS", tmp_path.as_uri())
    assert known_versions() == {}
