"""Which version a user or a request gets in an A/B test: decided by a hash alone, the same on every machine and at every time."""

from __future__ import annotations

import hashlib

from pipeline.errors import EdgeError
from pipeline.registry.version import CHALLENGER, CHAMPION

ARMS = (CHAMPION, CHALLENGER)
HASH_BYTES = 8


def is_treated(experiment: str, unit: str, share: float) -> bool:
    """Whether a unit gets the challenger, which a fraction ``share`` of all units do.

    The experiment's name salts the hash, so that the same users are not always the first to try.  Whoever gets the challenger at one
    share gets it at every larger one.
    """
    digest = hashlib.sha256(f"{experiment}\0{unit}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:HASH_BYTES]) < share * 256 ** HASH_BYTES


def experiment_of(name: str, champion: int, challenger: int) -> str:
    """The name of the experiment that holds two versions against each other: with another pair all are drawn anew."""
    return f"{name}/{champion}/{challenger}"


def check_share(share: float) -> float:
    if not 0 < share < 1:
        raise EdgeError(f"expected a share of users above 0 and below 1 for the challenger, found {share:g}; 0.1 is a tenth")
    return share
