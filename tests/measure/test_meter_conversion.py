"""Losses between formats, counted on real data and on a format that forgets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.data.formats import chat
from pipeline.data.formats.example import Example
from pipeline.data.generate import generate
from pipeline.errors import EdgeError
from pipeline.measure.conversion import conversion_losses
from pipeline.store.artifact import Artifact


@pytest.fixture
def data(tmp_path: Path) -> Artifact:
    generate(tmp_path, train=60, validation=12, test=12, challenge=12)
    return Artifact("k" * 64, "data", tmp_path, {})


def test_no_format_loses_a_record(data: Artifact) -> None:
    measured = conversion_losses(data, "判断意图")
    assert measured.value == 0 and measured.details["n"] == 3 * 96 and measured.artifacts == {"data": "k" * 64}
    assert measured.details["formats"]["alpaca"] == {"parsed": 96, "dropped": 0, "duplicates": 0, "losses": 0}


def test_a_format_that_forgets_the_grammar_loses_every_record(data: Artifact, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(example: Example, where: str) -> dict[str, Any]:
        return chat._row(replace(example, extras={}), where)

    monkeypatch.setattr(chat, "FORMAT", replace(chat.FORMAT, row=forgetful))
    measured = conversion_losses(data, "判断意图")
    assert measured.value == measured.details["formats"]["chat"]["losses"] == 96


@pytest.mark.parametrize("kept", [0, 5])
def test_dropped_records_are_losses(kept: int, data: Artifact, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    def full(example: Example, where: str) -> dict[str, Any]:
        written.append(where)
        if len(written) > kept:
            raise EdgeError(f"{where}: expected room, found none; make some")
        return chat._row(example, where)

    monkeypatch.setattr(chat, "FORMAT", replace(chat.FORMAT, row=full))
    measured = conversion_losses(data, "判断意图")
    assert measured.value == 96 - kept and measured.details["formats"]["chat"]["dropped"] == 96 - kept
    assert "expected room" in measured.details["findings"][0]
