"""A job's result in the registry."""

from __future__ import annotations

from typing import Any

import yaml

from pipeline.compress.recipe import RECIPES
from pipeline.service.building import Built
from pipeline.service.order import Order


def register(order: Order, built: Built, registry: list[str]) -> int:
    """The version's number; the one that is there already where these very artifacts were registered: a job may be done twice."""
    from pipeline.registry import Lineage, open_registry

    url, place = registry
    opened = open_registry(url or None, place or None)
    name, model, decision = str(order.name), built.model, built.decision
    known = opened.versions(name) if name in opened.models() else []
    lineage = Lineage(key=model.key, kind=model.kind, decision=decision.key if decision else "", recipe=_recipe(order),
                      data=built.key_of("data"), base=built.key_of("base"), profile=order.profile)
    for version in known:
        if (version.lineage.key, version.lineage.decision) == (lineage.key, lineage.decision):
            return int(version.version)
    return int(opened.register(name, model.path, lineage=lineage, by=order.by, decision=decision.path if decision else None).version)


def _recipe(order: Order) -> str:
    """As YAML."""
    if isinstance(order.recipe, str):
        return (RECIPES / f"{order.recipe}.yaml").read_text(encoding="utf-8")
    content: dict[str, Any] = order.recipe or {"quantize": order.method}
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
