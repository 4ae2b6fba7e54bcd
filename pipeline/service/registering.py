"""A job's result in the registry."""

from __future__ import annotations

from typing import Any

from pipeline.service.order import Order
from pipeline.store import Artifact


def register(order: Order, made: Artifact, registry: list[str]) -> int | None:
    """The version's number; the one that is there already where this very artifact was registered under that name."""
    from pipeline.registry import Lineage, open_registry

    url, artifacts = registry
    opened = open_registry(url or None, artifacts or None)
    name = str(order.name)
    lineage: dict[str, Any] = {"recipe": order.recipe or order.method, "profile": order.profile}
    version = opened.register(name, made.path, lineage=Lineage(**lineage), by=order.by)
    return int(version.version)
