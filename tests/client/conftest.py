"""Two servers that can be told to fail, as one machine's and as a cloud's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pipeline.edge.cloud_stand_in import StandIn


@contextmanager
def _served() -> Iterator[StandIn]:
    with StandIn() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def _two() -> Iterator[tuple[StandIn, StandIn]]:
    with _served() as local, _served() as cloud:
        yield local, cloud


@pytest.fixture
def local(_two: tuple[StandIn, StandIn]) -> StandIn:
    _two[0].memory.forget()
    return _two[0]


@pytest.fixture
def cloud(_two: tuple[StandIn, StandIn]) -> StandIn:
    _two[1].memory.forget()
    return _two[1]
