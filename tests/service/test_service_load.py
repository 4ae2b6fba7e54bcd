"""Jobs queued by many clients at once: none is lost, none is done for another."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from benchmarks.service.clients import load
from tests.service.conftest import edge_api


@pytest.mark.slow
def test_a_thousand_jobs_of_sixteen_clients_all_succeed(models: Path, stored: Path, tmp_path: Path) -> None:
    limits = {"EDGE_API_RATE": 1e6, "EDGE_API_BURST": 10**6}
    with edge_api(tmp_path / "state", EDGE_STORE=stored, EDGE_API_MODEL_ROOTS=models, **limits) as server:
        outcome = asyncio.run(load(server.url, {"method": "int8-weight", "model": "tiny"}, 1000, 16))
        assert (outcome.problems, outcome.lost, len(set(outcome.ids))) == ({}, 0, 1000) and outcome.states == {"succeeded": 1000}
