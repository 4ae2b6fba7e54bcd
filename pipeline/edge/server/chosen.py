"""Which artifacts of the store are served: what was named, else the newest that belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pipeline.errors import EdgeError
from pipeline.store import Artifact, Store

MODEL, DECISION, FUNCTIONS, MERGED, BASE = "onnx-int8", "decision", "functions-int8", "merged", "base"


@dataclass(frozen=True)
class Chosen:
    """The directories to serve; ``functions`` is None where there is no generator."""

    model: Path
    decision: Path
    functions: Path | None


class Pair(NamedTuple):
    """The directories of a model and of what it is asked by: an embedding's rule, or a reranker's decision."""

    model: Path
    rule: Path


def choose_pair(store: Store, model: str | None, rule: str | None, kind: str) -> Pair | None:
    """A model as it is named, as for ``choose``, and what goes with it: as named, or the newest of ``kind`` made from the same weights."""
    if model is None:
        return None
    found = _named(store, model)
    if rule is None and isinstance(found, Artifact):
        listed = {artifact.key: artifact for artifact in store.list()}
        weights = _weights(listed, found.key)
        rule = next((key for key in reversed(listed) if listed[key].kind == kind and _weights(listed, key) == weights), None)
    if rule is None:
        raise EdgeError(f"expected an artifact of the kind {kind} made from the same weights as {model}, found none; name it")
    return Pair(_path(found), _path(_named(store, rule)))


def choose(store: Store, model: str | None, decision: str | None, functions: str | None) -> Chosen:
    """Each a directory, an artifact's key or its first letters, or None for the newest that fits.

    The newest model is one of the documented recipe, a merged model's portable graph: what another recipe made is served by name.
    The decision must be made from the weights that the model was exported from, and the functions from the same base.
    EdgeError where nothing fits or an artifact is damaged.  What comes from the store is not pruned before ``store`` is closed.
    """
    listed = {artifact.key: artifact for artifact in store.list()}
    model = model or _newest(listed, MODEL, documented=True)
    if model is None:
        raise EdgeError(f"expected an artifact of the kind {MODEL} in {store.root}, found none; name a --model or run make accept")
    found = _named(store, model)
    origins = _origins(listed, found.key) if isinstance(found, Artifact) else {}
    weights = _weights(listed, found.key) if isinstance(found, Artifact) else None
    decision = decision or _newest(listed, DECISION, weights or model)
    if decision is None:
        raise EdgeError(f"expected a decision made from the same model as {model} in {store.root}, found none; name a --decision")
    functions = functions or _newest(listed, FUNCTIONS, origins.get(BASE, model))
    return Chosen(_path(found), _path(_named(store, decision)), _path(_named(store, functions)) if functions else None)


def _named(store: Store, key_or_directory: str) -> Path | Artifact:
    directory = Path(key_or_directory)
    return directory if directory.is_dir() else store.open(key_or_directory)


def _path(found: Path | Artifact) -> Path:
    return found.path if isinstance(found, Artifact) else found


def _weights(listed: Mapping[str, Artifact], key: str) -> str | None:
    """The Hugging Face directory that a model was exported from, or a decision made from."""
    inputs = listed[key].manifest.get("inputs", {}) if key in listed else {}
    return inputs.get(MERGED) or next(filter(None, (_weights(listed, parent) for parent in inputs.values())), None)


def _newest(listed: Mapping[str, Artifact], kind: str, origin: str | None = None, documented: bool = False) -> str | None:
    """The key of the newest artifact of that kind: made from ``origin`` if that is given, by no recipe of its own if ``documented``."""
    fitting = [key for key, artifact in listed.items() if artifact.kind == kind and (not documented or _documented(listed, key))]
    return next((key for key in reversed(fitting) if origin is None or origin in _inputs(listed, key, kind)), None)


def _documented(listed: Mapping[str, Artifact], key: str) -> bool:
    """Whether, as far as the store still knows, a model is a merged model's portable graph that reads the whole prompt."""
    parents = listed[key].manifest.get("inputs", {}).values()
    exported = [listed[parent].manifest.get("config", {}) for parent in parents if parent in listed]
    weights = _weights(listed, key)
    return ((weights not in listed or listed[weights].kind == MERGED)
            and not any(config.get("graph", "portable") != "portable" or "prefix" in config for config in exported))


def _inputs(listed: Mapping[str, Artifact], key: str, kind: str) -> list[str]:
    """What an artifact must be made from to belong: a decision from these very weights, anything else somewhere along its way."""
    return [str(_weights(listed, key))] if kind == DECISION else list(_origins(listed, key).values())


def _origins(listed: Mapping[str, Artifact], key: str) -> dict[str, str]:
    """Key by kind of all that an artifact was made from, as far as the store still knows."""
    found: dict[str, str] = {}
    for parent in listed[key].manifest.get("inputs", {}).values() if key in listed else ():
        found |= {**_origins(listed, parent), **({listed[parent].kind: parent} if parent in listed else {})}
    return found
