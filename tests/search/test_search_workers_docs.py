"""docs/search_workers.md: its commands are ones, and its figures are those of the code."""

from __future__ import annotations

import re

import pytest

from pipeline.cli import _parser
from pipeline.search import storage
from pipeline.search.engines import NAMES, crew
from tests.tutorial import DOCS

PAGE = (DOCS / "search_workers.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", re.findall(r"^edge (search [^#\n]*)", PAGE, re.MULTILINE))
def test_a_command_is_one(command: str) -> None:
    assert _parser().parse_args(command.split()).engine in NAMES


def test_the_figures() -> None:
    assert f"sign of life every {storage.HEARTBEAT} seconds; without one for {storage.SILENT} " in PAGE
    assert (storage.RETRIES, crew.RESTARTS) == (1, 3), "once, and three times, in words"
