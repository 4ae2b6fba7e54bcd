"""A cloud that can be told to fail, and limits short enough for tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.edge.cloud_stand_in import StandIn
from pipeline.edge.gateway.limits import Limits
from tests.served_stand_in import served_stand_in

SHORT = Limits(connect=1, silence=0.4, total=3, attempts=3, first_wait=0.01, longest_wait=0.5, failures=4, rest=0.3, longest_answer=100_000)


@pytest.fixture(scope="session")
def running() -> Iterator[StandIn]:
    with served_stand_in() as server:
        yield server


@pytest.fixture
def stand_in(running: StandIn) -> StandIn:
    """The stand-in as if nothing had happened yet."""
    running.memory.forget()
    return running
