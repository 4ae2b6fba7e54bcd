"""What every test needs: garbage collection that does not look through torch and its like each time."""

from __future__ import annotations

import gc

import pytest


@pytest.fixture(scope="module", autouse=True)
def libraries_set_aside() -> None:
    """What was imported by now stays for good.  To look through it takes half a second, and each step of compression and each end of a
    pytest in this process does so several times."""
    gc.collect()
    gc.freeze()
