"""The configuration of a client: endpoints, which of them is used, and who takes its place."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.edge.gateway.limits import Limits, read_limits
from pipeline.edge.loopback import is_loopback
from pipeline.errors import EdgeError
from pipeline.yaml_file import read_yaml, validate

AUTO = "auto"
FILE, PREFIX = "EDGE_CLIENT", "EDGE_CLIENT_"  # environment: the configuration's path, and what takes the place of its values
_VARIABLE, _NAME = re.compile(r"[A-Z_][A-Z0-9_]*"), re.compile(r"[a-z][a-z0-9_]*")


class EndpointSettings(BaseModel):
    """One server of OpenAI's API.

    url: ends in /v1.  model, embedding, reranker: the names to ask for; "" where it has none.  space: what its vectors are comparable
    with, the name of the embedding model if nothing is said.  query_prefix: what that model reads before a query.  key: the environment
    variable that holds the key, never the key.  limits: of `pipeline/edge/gateway/cloud.yaml`, those that differ.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    model: str = ""
    embedding: str = ""
    reranker: str = ""
    space: str = ""
    query_prefix: str = ""
    key: str = ""
    limits: dict[str, float] = {}

    @property
    def on_this_machine(self) -> bool:
        """By its address alone, whatever it is called."""
        return is_loopback(urlsplit(self.url).hostname or "")

    @property
    def its_space(self) -> str:
        return self.space or self.embedding

    def patience(self) -> Limits:
        """The limits in whole; EdgeError for one that does not exist or is out of bounds."""
        return validate({**read_limits().model_dump(), **self.limits}, Limits, "limits")


class Settings(BaseModel):
    """use: an endpoint's name, or ``auto`` for the first of all that answers, those that are resting last.  fall_back: who is asked, in
    this order, where that one does not answer.  local_only: no text leaves this machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    use: str = AUTO
    fall_back: list[str] = []
    local_only: bool = False
    endpoints: dict[str, EndpointSettings] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        if odd := [name for name in self.endpoints if name == AUTO or not _NAME.fullmatch(name)]:
            raise ValueError(f"endpoints: expected names such as local or cloud, found {odd[0]!r:.40}")
        for name in (self.use, *self.fall_back):
            if name not in self.endpoints and (name, self.use) != (AUTO, AUTO):
                raise ValueError(f"expected one of {', '.join(self.endpoints)}{' or auto' * (name == self.use)}, found {name!r:.40}")
        return self

    @property
    def order(self) -> list[str]:
        """Who is asked first, and who then."""
        return list(dict.fromkeys([*self.fall_back, *self.endpoints] if self.use == AUTO else [self.use, *self.fall_back]))


def read_settings(path: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """A configuration with what the environment says otherwise: EDGE_CLIENT_USE, EDGE_CLIENT_LOCAL_ONLY, and of the endpoint cloud
    EDGE_CLIENT_CLOUD_URL, _MODEL and so on.  EdgeError of one line, in which no key is repeated."""
    content = read_yaml(path)
    endpoints = content.get("endpoints")
    if isinstance(endpoints, dict):
        content = {**content, "endpoints": {name: _overridden(name, one, environment) for name, one in endpoints.items()}}
    for name in ("use", "local_only"):
        if said := environment.get(PREFIX + name.upper()):
            content[name] = said
    settings = validate(content, Settings, str(path))
    for name, endpoint in settings.endpoints.items():
        try:
            endpoint.patience()
        except EdgeError as error:
            raise EdgeError(f"{path}: endpoints.{name}.{error}") from None
    return settings


def default_path() -> Path:
    """Where the environment says that the configuration is; EdgeError where it does not."""
    if not (path := os.environ.get(FILE)):
        raise EdgeError(f"expected the path of a client's configuration in ${FILE}, found none; set it or give the path")
    return Path(path)


def _overridden(name: object, endpoint: Any, environment: Mapping[str, str]) -> Any:
    if not isinstance(endpoint, dict):
        return endpoint
    if isinstance(key := endpoint.get("key", ""), str) and key and not _VARIABLE.fullmatch(key):  # never shown: it may be the key itself
        raise EdgeError(f"endpoints.{name}.key: expected the name of an environment variable, such as EDGE_CLOUD_API_KEY, found another "
                        "text; put the key into such a variable, and its name here")
    said = {field: environment.get(f"{PREFIX}{str(name).upper()}_{field.upper()}") for field in ("url", "model", "embedding", "reranker")}
    return {**endpoint, **{field: value for field, value in said.items() if value}}
