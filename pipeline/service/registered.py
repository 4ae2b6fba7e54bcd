"""The registry as the service shows it."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import EdgeError
from pipeline.service.problems import Refusal
from pipeline.service.schemas import Change, Model, Version
from pipeline.service.settings import Settings

if TYPE_CHECKING:
    from pipeline.registry import Registry


class Models:
    """Opened when it is first asked: mlflow takes a second to be imported."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _registry(self) -> Registry:
        try:
            from pipeline.registry import open_registry
        except ModuleNotFoundError:
            raise Refusal(409, "expected the registry to be installed, found none; install the extra `registry`") from None
        return open_registry(self._settings.registry_url or None, self._settings.registry_artifacts or None)

    def all(self) -> list[Model]:
        return [self._model(name) for name in self._registry.models()]

    def model(self, name: str) -> Model:
        self._check(name)
        return self._model(name)

    def deploy(self, name: str, version: int, alias: str, by: str) -> Version:
        """The registry promotes on a green gate alone, by the record that was registered with the version: a caller names none."""
        found = self._version(name, version)
        record = found.lineage.get("record")
        if not record:
            raise Refusal(409, f"expected version {version} of {name} with a run's record, found none; edge registry register with one")
        return _version(self._registry.promote(name, version, alias=alias, record=Path(record), by=by))

    def rollback(self, name: str, alias: str, by: str) -> Version:
        self._check(name)
        return _version(self._registry.rollback(name, by=by, alias=alias))

    def audit(self, name: str) -> list[Change]:
        self._check(name)
        return [_change(event) for event in self._registry.audit(name)]

    def _check(self, name: str) -> None:
        if name not in self._registry.models():
            raise Refusal(404, "expected a registered model, found none of that name; see GET /api/v1/compression/models")

    def _version(self, name: str, version: int) -> Version:
        self._check(name)
        try:
            return _version(self._registry.version(name, version))
        except EdgeError as error:
            raise Refusal(404, str(error)) from None

    def _model(self, name: str) -> Model:
        versions = sorted(map(_version, self._registry.versions(name)), key=lambda version: -version.version)
        return Model(name=name, versions=versions)


def _version(found: Any) -> Version:
    lineage = asdict(found.lineage) if is_dataclass(found.lineage) and not isinstance(found.lineage, type) else dict(found.lineage)
    return Version(name=found.name, version=found.version, aliases=list(found.aliases), key=found.key, lineage=lineage,
                   created=found.created)


def _change(event: Any) -> Change:
    rest = {name: value for name, value in event.__dict__.items() if name not in ("at", "by", "action")}
    return Change(at=datetime.fromisoformat(event.at), by=event.by, what=event.action, detail=rest)
