"""The registry as the service shows it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.service.problems import Refusal
from pipeline.service.schemas import Change, Model, Version
from pipeline.service.settings import Settings

if TYPE_CHECKING:
    from pipeline.registry import Event, Registry
    from pipeline.registry import Version as Registered


class Models:
    """Opened when it is first asked: mlflow takes a second to be imported."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _registry(self) -> Registry:
        from pipeline.registry import open_registry
        return open_registry(self._settings.registry_url or None, self._settings.registry_artifacts or None)

    def all(self) -> list[Model]:
        return [self._model(name) for name in self._registry.models()]

    def model(self, name: str) -> Model:
        self._check(name)
        return self._model(name)

    def deploy(self, name: str, version: int, alias: str, by: str) -> Version:
        """The registry promotes on a green gate alone, by the record that was registered with the version: a caller names none."""
        self._check(name)
        if version not in [found.version for found in self._registry.versions(name)]:
            raise Refusal(404, f"expected a version of {name}, found none of that number; see GET /api/v1/compression/models/{name}")
        return _version(self._registry.promote(name, version, alias=alias, by=by))

    def rollback(self, name: str, alias: str, by: str) -> Version:
        self._check(name)
        return _version(self._registry.rollback(name, by=by, alias=alias))

    def audit(self, name: str) -> list[Change]:
        self._check(name)
        return [_change(event) for event in self._registry.audit(name)]

    def _check(self, name: str) -> None:
        if name not in self._registry.models():
            raise Refusal(404, "expected a registered model, found none of that name; see GET /api/v1/compression/models")

    def _model(self, name: str) -> Model:
        versions = sorted(map(_version, self._registry.versions(name)), key=lambda version: -version.version)
        return Model(name=name, versions=versions)


def _version(found: Registered) -> Version:
    return Version(name=found.name, version=found.version, aliases=list(found.aliases), key=found.key, lineage=asdict(found.lineage),
                   created=found.created)


def _change(event: Event) -> Change:
    detail = {"version": event.version, "alias": event.alias, **event.details}
    return Change(at=datetime.fromisoformat(event.at), by=event.by, what=event.action, detail=detail)
