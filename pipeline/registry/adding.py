"""A model of the store as it is registered: its directory, the decision that belongs to it, and where both come from."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pipeline.edge.server.chosen import choose
from pipeline.errors import EdgeError
from pipeline.registry.lineage import lineage_of
from pipeline.registry.version import Lineage
from pipeline.store import Store


class Found(NamedTuple):
    model: Path
    decision: Path | None
    lineage: Lineage


def found_in(place: Path, model: str, decision: str | None) -> Found:
    """What is named by key or directory; the decision is the newest of the same weights, if none is named and the store has one.

    EdgeError where the store has no such artifact, or it is damaged.
    """
    store = Store(place)
    if Path(model).is_dir():
        return Found(Path(model), _directory(store, decision), Lineage(kind="directory"))
    key = store.open(model).key
    chosen = _decision_of(store, key, decision)
    manifests = {artifact.key: artifact.manifest for artifact in store.list() if artifact.manifest}
    decided = chosen.parent.name if chosen and chosen.is_relative_to(store.objects) else ""
    return Found(store.open(key).path, chosen, lineage_of(key, manifests, decided))


def _decision_of(store: Store, key: str, decision: str | None) -> Path | None:
    try:
        return choose(store, key, decision, None).decision
    except EdgeError:
        if decision:
            raise
        return None  # an embedding, say: nothing decides by it


def _directory(store: Store, decision: str | None) -> Path | None:
    if not decision:
        return None
    return Path(decision) if Path(decision).is_dir() else store.open(decision).path
