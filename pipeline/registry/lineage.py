"""What the store knows of a model: the data and the base it comes from, and the recipe, read off the manifests that made it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from pipeline.registry.version import Lineage
from pipeline.store.explain import Manifests

EXPORT, MERGED = "onnx-fp32", "merged"


def lineage_of(key: str, manifests: Manifests, decision: str = "") -> Lineage:
    """Lineage of a stored artifact; manifests: those of the whole store by key."""
    kind = str(manifests[key].get("kind", ""))
    origins = _origins(key, manifests)
    return Lineage(key=key, kind=kind, decision=decision, recipe=recipe_of(key, manifests), data=origins.get("data", ""),
                   base=origins.get("base", ""))


def recipe_of(key: str, manifests: Manifests) -> str:
    """The recipe that makes an artifact, as YAML that `load_recipe` reads: its steps with all settings, in order.

    "" where it was made in another way, such as a device's format, or by a step that is no longer in the store.
    """
    chain = list(_chain(key, manifests))
    exports = [manifest["config"] for manifest in chain if manifest["kind"] == EXPORT]
    steps = [{_technique(manifest["kind"]): dict(manifest["config"]["settings"])} for manifest in chain if "settings" in manifest["config"]]
    whole = chain and chain[-1]["kind"] == MERGED and len(steps) + len(exports) == len(chain) - 1
    if not whole or not steps:
        return ""
    served = {"runtime": "torch"} if not exports else _export(exports[0])
    recipe = {"name": f"{manifests[key]['kind']}-{key[:8]}", "says": "read off the store", "steps": steps[::-1], **served}
    return yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True)


def _export(config: Mapping[str, Any]) -> dict[str, Any]:
    return {"graph": config.get("graph", "portable"), "prefix": "prefix" in config, "mapped": bool(config.get("mapped"))}


def _chain(key: str, manifests: Manifests) -> Iterator[Mapping[str, Any]]:
    """The manifests from an artifact back to the merged model, as far as the store has them."""
    following: str | None = key
    while following and following in manifests:
        manifest = manifests[following]
        yield manifest
        inputs = manifest["inputs"]
        following = None if manifest["kind"] == MERGED else inputs.get("model") or inputs.get(MERGED)


def _technique(kind: str) -> str:
    return kind.removeprefix("onnx-")


def _origins(key: str, manifests: Manifests) -> dict[str, str]:
    """Key by kind of all that an artifact was made from, as far as the store knows."""
    found: dict[str, str] = {}
    for parent in manifests.get(key, {}).get("inputs", {}).values():
        found |= {**_origins(parent, manifests), **({str(manifests[parent]["kind"]): parent} if parent in manifests else {})}
    return found
