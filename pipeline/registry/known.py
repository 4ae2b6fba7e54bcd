"""Which registered version a model of the store is, for whoever only names it."""

from __future__ import annotations

from pipeline.errors import EdgeError
from pipeline.registry.registry import open_registry


def known_versions() -> dict[str, str]:
    """Store key -> NAME@VERSION, the newest of each name: of the registry that the environment names, where there is one.

    Empty where there is none, it does not answer, or mlflow is not installed: a name more or less is worth no error.
    """
    found: dict[str, dict[str, str]] = {}
    try:
        registry = open_registry()
        for name in registry.models():
            for version in registry.versions(name):
                found.setdefault(version.key, {})[name] = f"{name}@{version.version}"
    except (EdgeError, ModuleNotFoundError):
        return {}
    return {key: ", ".join(names.values()) for key, names in found.items() if key}
