"""Multi-turn scenarios: what a user says turn by turn, what each turn means by itself, and where it should be answered."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from pipeline.atomic import write_atomically
from pipeline.data.intents import INTENTS, by_name
from pipeline.data.jsonl import read_jsonl
from pipeline.data.records import check_query
from pipeline.errors import EdgeError
from pipeline.yaml_file import validate

LOCAL_ONLY = "local_only"
TO_CLOUD = ("requires_reasoning", "previous_failed")
LONGEST = 100  # characters; the documented rule sends a longer query to the cloud


def _asked(text: str) -> str:
    try:
        check_query(text, "the text")
    except EdgeError as mistake:
        raise ValueError(str(mistake)) from None
    return text


def _intent(name: str) -> str:
    if name not in (names := [intent.name for intent in INTENTS]):
        raise ValueError(f"expected one of {', '.join(names)}")
    return name


Asked = Annotated[str, AfterValidator(_asked)]
IntentName = Annotated[str, AfterValidator(_intent)]
Route = Literal["local", "cloud"]
Mark = Literal["local_only", "requires_reasoning", "previous_failed"]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Turn(_Row):
    """``standalone``: what ``user`` means without the turns before it.  ``metadata``: of the request, each "true"."""

    user: Asked
    standalone: Asked
    intent: IntentName
    route: Route
    metadata: dict[Mark, Literal["true"]] = {}


class Scenario(_Row):
    id: Annotated[str, Field(min_length=1)]
    turns: Annotated[list[Turn], Field(min_length=1)]


class ClientCase(_Row):
    """One question of the client test."""

    id: Annotated[str, Field(min_length=1)]
    query: Asked
    intent: IntentName
    route: Route


def route_of(query: str, intent: str, metadata: Mapping[str, str]) -> str:
    """Where a question should be answered: what is local only never leaves; then the documented rules; then the intent."""
    if LOCAL_ONLY in metadata:
        return "local"
    if len(query) > LONGEST or any(rule in metadata for rule in TO_CLOUD):
        return "cloud"
    return by_name(intent).route


def read_scenarios(path: Path) -> list[Scenario]:
    """The scenarios of a .jsonl file; EdgeError names the line of the first mistake, an id that stands twice being one."""
    return _each_once(path, read_jsonl(path, lambda row, where: validate(row, Scenario, where)))


def read_client_cases(path: Path) -> list[ClientCase]:
    """The cases of a .jsonl file; EdgeError as in ``read_scenarios``."""
    return _each_once(path, read_jsonl(path, lambda row, where: validate(row, ClientCase, where)))


def _each_once(path: Path, numbered: list[tuple[int, Any]]) -> list[Any]:
    first: dict[str, int] = {}
    for line, row in numbered:
        if first.setdefault(row.id, line) != line:
            raise EdgeError(f"{path}:{line}: expected each id once, found {row.id!r} at line {first[row.id]} too; rename one")
    return [row for _, row in numbered]


def write_scenarios(path: Path, scenarios: Iterable[Scenario]) -> None:
    """One scenario a line, UTF-8; the file appears whole or not at all."""
    write_atomically(path, "".join(json.dumps(one.model_dump(), ensure_ascii=False) + "\n" for one in scenarios), durable=True)
