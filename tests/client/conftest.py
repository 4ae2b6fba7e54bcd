"""Two servers that can be told to fail, as one machine's and as a cloud's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.edge.cloud_stand_in import StandIn
from tests.served_stand_in import served_stand_in


@pytest.fixture(scope="module")
def _two() -> Iterator[tuple[StandIn, StandIn]]:
    with served_stand_in() as local, served_stand_in() as cloud:
        yield local, cloud


@pytest.fixture
def local(_two: tuple[StandIn, StandIn]) -> StandIn:
    _two[0].memory.forget()
    return _two[0]


@pytest.fixture
def cloud(_two: tuple[StandIn, StandIn]) -> StandIn:
    _two[1].memory.forget()
    return _two[1]
