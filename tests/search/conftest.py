"""What the tests of the search's engines share."""

from __future__ import annotations

from collections.abc import Callable

import psutil
import pytest


@pytest.fixture
def left() -> Callable[[], set[psutil.Process]]:
    """left() -> the processes that run since the test began; a test worker has children of its own, such as the tracker of
    multiprocessing."""
    before = set(psutil.Process().children())
    return lambda: set(psutil.Process().children()) - before
