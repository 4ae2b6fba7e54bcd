"""What went into an artifact's key, for a person to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.digest import canonical

Manifests = Mapping[str, Mapping[str, Any]]


def explain(key: str, manifests: Manifests) -> str:
    """An indented tree: kind, configuration, libraries and source files of `key`, then the same of each input."""
    return "\n".join(_lines(key, manifests, "", "", set()))


def _lines(key: str, manifests: Manifests, role: str, indent: str, told: set[str]) -> Iterator[str]:
    manifest = manifests.get(key)
    title = f"{indent}{role + ': ' if role else ''}"
    if not manifest:
        yield f"{title}{key[:12]} (not in this store, or damaged)"
        return
    if key in told:
        yield f"{title}{manifest['kind']} {key[:12]} (see above)"
        return
    told.add(key)
    yield f"{title}{manifest['kind']} {key}"
    yield from _own_lines(manifest, indent + "  ")
    for name, source in sorted(manifest["inputs"].items()):
        yield from _lines(source, manifests, f"input {name}", indent + "  ", told)


def _own_lines(manifest: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, value in sorted(manifest["config"].items()):
        yield f"{indent}config {name} = {canonical(value)}"
    for name, version in sorted(manifest["libraries"].items()):
        yield f"{indent}library {name} {version}"
    yield f"{indent}code {manifest['code'][:12]}"
    for path, digest in sorted(manifest.get("sources", {}).items()):
        yield f"{indent}  {path} {digest[:12]}"
