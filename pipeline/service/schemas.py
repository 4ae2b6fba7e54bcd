"""What the service answers: the envelope, a job, a model, a search."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import UUID4, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

Data = TypeVar("Data")
State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
STATES: tuple[State, ...] = ("queued", "running", "succeeded", "failed", "cancelled")
FINAL = frozenset({"succeeded", "failed", "cancelled"})
Kind = Literal["quantize", "prune", "distill"]
KEY = "0f" * 32
Utc = Annotated[AwareDatetime, PlainSerializer(lambda time: time.isoformat().replace("+00:00", "Z"), return_type=str, when_used="json")]
AT = "2026-11-30T12:00:00Z"


class Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Envelope(Said, Generic[Data]):
    """Every answer that is no error."""

    status: Literal["success"] = "success"
    data: Data
    message: str = ""


class Problem(BaseModel):
    """RFC 9457, with the envelope's three keys; so ``status`` is a word, as the RFC has clients ignore, and ``code`` the number."""

    type: str = "about:blank"
    title: str
    detail: str
    instance: str
    code: int
    errors: list[dict[str, str]] = []
    status: Literal["error"] = "error"
    data: None = None
    message: str

    model_config = ConfigDict(json_schema_extra={"example": {
        "type": "about:blank", "title": "Not Found", "detail": "expected a job of this service, found none; see GET /jobs",
        "instance": "/api/v1/compression/jobs/1b4e28ba-2fa1-4d2e-883f-0016d3cca427", "code": 404, "errors": [], "status": "error",
        "data": None, "message": "expected a job of this service, found none; see GET /jobs"}})


class Made(Said):
    """One artifact of a job.  step: what it was made by, or the flow's name of it.  bytes: of its files."""

    step: str
    kind: str
    key: str
    bytes: int


class Job(Said):
    """A job.  ``progress``: 0 to 1, of the artifacts it takes.  ``log``: its end.  ``result``: the artifact's key once it has succeeded.

    ``version``: of the registered model, where the request gave a name.
    """

    id: UUID4
    kind: Kind
    state: State
    step: str = ""
    progress: Annotated[float, Field(ge=0, le=1)] = 0.0
    created_at: Utc
    started_at: Utc | None = None
    finished_at: Utc | None = None
    error: str | None = None
    log: str = ""
    result: str | None = None
    name: str | None = None
    version: int | None = None
    by: str = ""
    request: dict[str, Any] = {}
    artifacts: list[Made] = []

    model_config = ConfigDict(json_schema_extra={"example": {
        "id": "1b4e28ba-2fa1-4d2e-883f-0016d3cca427", "kind": "quantize", "state": "running", "step": "onnx-int8", "progress": 0.83,
        "created_at": AT, "started_at": AT, "finished_at": None, "error": None, "log": "onnx-fp32 0f0f0f0f0f0f 0.1 s\n", "result": None,
        "name": "intent-int8", "version": None, "by": "ci", "request": {"recipe": "int8", "name": "intent-int8"}, "artifacts": []}})


class Jobs(Said):
    """``cursor``: of the next page, null on the last one.  The newest come first."""

    jobs: list[Job]
    cursor: str | None


class Version(Said):
    """A registered model's version with its lineage: data, recipe, profile, metrics and verdicts."""

    name: str
    version: int
    aliases: list[str]
    key: str
    lineage: dict[str, Any]
    created: Utc


class Model(Said):
    """A registered model: its versions, the newest first."""

    name: str
    versions: list[Version]


class Change(Said):
    """One line of a model's audit: who did what, when."""

    at: Utc
    by: str
    what: str
    detail: dict[str, Any]


class Study(Said):
    """A search whose front is there."""

    study: str
    profile: str
    trials: int
    on_front: int


class Health(Said):
    """``workers``: living worker processes of this host; without one, jobs wait."""

    database: bool
    workers: int


def utc(milliseconds: int | None) -> datetime | None:
    """The time of an epoch's milliseconds."""
    from datetime import UTC
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
