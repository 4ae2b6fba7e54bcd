"""The hosts on which a model is to be profiled: this one, and others whose profiles were brought here as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import EdgeError
from pipeline.profiling.operators import OperatorProfile, read_profile
from pipeline.yaml_file import read_model


class Host(BaseModel):
    """records: what `edge profile` wrote there, relative to the file of hosts; none: this machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: Annotated[str, Field(min_length=1)]
    records: list[Path] = []


class Hosts(BaseModel):
    """A whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    hosts: Annotated[list[Host], Field(min_length=1)]


def read_hosts(file: Path) -> Hosts:
    """EdgeError for anything but a file of hosts, each by a name of its own."""
    hosts = read_model(file, Hosts)
    names = [host.name for host in hosts.hosts]
    if len(set(names)) < len(names):
        raise EdgeError(f"{file}: expected hosts of different names, found {', '.join(names)}; rename one")
    return hosts


def collected(hosts: Hosts, beside: Path, here: list[OperatorProfile]) -> dict[str, list[OperatorProfile]]:
    """Profiles by host; ``here`` are those of this machine."""
    return {host.name: [read_profile(beside / record) for record in host.records] or here for host in hosts.hosts}
