"""What the environment says: one model with every variable, its default and its meaning."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from pipeline.errors import EdgeError
from pipeline.store.place import STORE_VARIABLE, default_store, project_root

PREFIX = "EDGE_API_"
NAMED = {"jobs": "MAX_COMPRESSION_JOBS", "store": STORE_VARIABLE, "registry_url": "EDGE_REGISTRY_URL",
         "registry_artifacts": "EDGE_REGISTRY_ARTIFACTS"}
"""Variables with names of their own; every other is PREFIX and the field's name."""


def _home() -> Path:
    return project_root(Path.cwd()) / ".edge"


def _store() -> Path:
    return default_store(project_root(Path.cwd()))


class Settings(BaseModel):
    """The service's settings.  Where a default depends on the project's folder, its description says so."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    jobs: Annotated[int, Field(ge=1, le=256, description="jobs that run at once, over all workers of one database")] = 2
    host: Annotated[str, Field(min_length=1, description="address to listen on; one that others reach needs a token")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, lt=2**16, description="0 takes a free one")] = 8080
    state: Annotated[Path, Field(default_factory=lambda: _home() / "api", description="folder of database, tokens and locks [.edge/api]")]
    database_url: Annotated[str, Field(description="sqlite:///FILE or postgresql://… of servers and workers [jobs.db in the state]")] = ""
    tokens: Annotated[Path | None, Field(description="file of the hashed tokens [tokens.json in the state]")] = None
    store: Annotated[Path, Field(default_factory=_store, description="artifact store [.edge/store]")]
    model_roots: Annotated[tuple[Path, ...], Field(description="folders whose models may be named, with : between them [none]")] = ()
    hub: Annotated[bool, Field(description="1: a job may name a model of a hub, which is then downloaded")] = False
    reports: Annotated[Path, Field(description="folder with search/NAME/front.json and drift/MODEL.json")] = Path("reports")
    registry_url: Annotated[str, Field(description="database of the registry [its own default]")] = ""
    registry_artifacts: Annotated[str, Field(description="where the registry keeps models [its own default]")] = ""
    rate: Annotated[float, Field(gt=0, description="requests a minute that one token may send")] = 600
    burst: Annotated[int, Field(ge=1, description="requests that it may send at once")] = 100
    longest_body: Annotated[int, Field(ge=256, description="bytes of a request's body")] = 65536
    waiting: Annotated[int, Field(ge=1, description="jobs that may wait; one more is refused")] = 10_000
    time_limit: Annotated[float, Field(gt=0, description="seconds that a job may run")] = 86_400
    log_bytes: Annotated[int, Field(ge=256, le=65536, description="of a job's log, from its end")] = 4096

    @field_validator("model_roots", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [part for part in value.split(os.pathsep) if part] if isinstance(value, str) else value

    @field_validator("model_roots")
    @classmethod
    def _folders(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        for root in value:
            if not root.expanduser().is_dir():
                raise ValueError(f"expected folders, found {root}, which is none")
        return tuple(root.expanduser().resolve() for root in value)

    @field_validator("database_url")
    @classmethod
    def _known(cls, value: str) -> str:
        if value and not value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
            raise ValueError("expected sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME")
        return value

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.state.absolute() / 'jobs.db'}"

    @property
    def token_file(self) -> Path:
        return self.tokens or self.state / "tokens.json"


def variable(field: str) -> str:
    """The environment variable of a setting."""
    return NAMED.get(field, PREFIX + field.upper())


def read_settings(environment: Mapping[str, str], **given: Any) -> Settings:
    """``given`` before the environment before the defaults; EdgeError names the variable that is wrong, and never its value:
    a database's URL holds a password."""
    said = {name: environment[variable(name)] for name in Settings.model_fields if environment.get(variable(name))}
    try:
        return Settings(**said | {name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise EdgeError(f"${variable(str(first['loc'][0]))}: {first['msg'].removeprefix('Value error, ')}; set it anew") from None
