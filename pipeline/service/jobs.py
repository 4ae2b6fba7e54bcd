"""Jobs as the database knows them: sent, looked at, cancelled.  Building them is the workers' affair."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from dbos import DBOSClient, EnqueueOptions, WorkflowStatus

from pipeline.service.engine import NAME, QUEUE, VERSION, WORKFLOW
from pipeline.service.order import Order
from pipeline.service.problems import Refusal
from pipeline.service.schemas import FINAL, Job, State, utc

OF: dict[State, list[str]] = {"queued": ["ENQUEUED", "DELAYED"], "running": ["PENDING"], "succeeded": ["SUCCESS"],
                              "failed": ["ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"], "cancelled": ["CANCELLED"]}
STATE = {status: state for state, statuses in OF.items() for status in statuses}
HALF = timedelta(microseconds=500)  # the engine cuts a time to its millisecond, and a float may lie just below
CURSOR = re.compile(r"(\d{1,15})\.(\d{1,6})")


@dataclass(frozen=True)
class Page:
    jobs: list[Job]
    cursor: str | None


@dataclass(frozen=True)
class Ended:
    """A job that is over.  ended: ms of the epoch.  waited, took: s in the queue and from there to the end; None where it never ran."""

    id: str
    kind: str
    state: State
    ended: int
    waited: float | None
    took: float | None


class JobList:
    """All jobs of one database.  ``waiting``: how many may wait."""

    def __init__(self, client: DBOSClient, waiting: int) -> None:
        self._client, self._waiting = client, waiting

    def submit(self, order: Order, key: str | None = None) -> tuple[Job, bool]:
        """The job of an order, and whether it is new.

        key: an Idempotency-Key; the same one of the same holder gives the same job again.  Refusal 409 where it was sent with another
        order, 429 while too many wait.
        """
        sent = order.model_dump(mode="json")
        job_id = str(uuid.uuid4() if key is None else _of_key(order.by, key))
        if key is not None and (known := self._find(job_id)) is not None:
            return self._same(known, sent), False
        if self._client.list_workflows(name=WORKFLOW, status=OF["queued"], offset=self._waiting - 1, limit=1, load_input=False,
                                       load_output=False):
            raise Refusal(429, f"expected at most {self._waiting} waiting jobs, found as many; try again later", {"Retry-After": "30"})
        options: EnqueueOptions = {
            "workflow_name": WORKFLOW, "queue_name": QUEUE, "workflow_id": job_id, "app_version": VERSION, "application_name": NAME,
            "authenticated_user": order.by, "attributes": {"kind": order.kind}}
        self._client.enqueue(options, sent)
        found = self._find(job_id)
        assert found is not None
        return self._same(found, sent), True

    def job(self, job_id: uuid.UUID) -> Job:
        """Refusal 404 for one that is not known."""
        if (found := self._find(str(job_id))) is None:
            raise Refusal(404, "expected a job of this service, found none; see GET /api/v1/compression/jobs")
        return _job(found)

    def page(self, state: State | None, limit: int, cursor: str | None) -> Page:
        """The newest first.  A cursor is the last row's time and how many rows of that very millisecond were given."""
        before, skip = _read_cursor(cursor)
        found = self._client.list_workflows(name=WORKFLOW, status=OF[state] if state else None, limit=limit + 1, offset=skip or None,
                                            sort_desc=True, end_time=before)
        rows, more = found[:limit], len(found) > limit
        return Page([_job(row) for row in rows], _cursor(rows, cursor) if more else None)

    def cancel(self, job_id: uuid.UUID) -> Job:
        """A waiting job is cancelled at once, a running one within seconds.  Refusal 404, and 409 for one that is over."""
        if (found := self.job(job_id)).state in FINAL and found.state != "cancelled":
            raise Refusal(409, f"expected a job that waits or runs, found it {found.state}; there is nothing left to cancel")
        self._client.cancel_workflow(str(job_id))
        return self.job(job_id)

    def unfinished(self) -> Counter[tuple[str, str]]:
        """How many jobs wait or run, by kind and state."""
        rows = self._client.list_workflows(name=WORKFLOW, status=OF["queued"] + OF["running"], load_input=False, load_output=False)
        return Counter((_kind(row), STATE[row.status]) for row in rows)

    def ended(self, since: int) -> list[Ended]:
        """The jobs that have ended at ``since`` (ms of the epoch) or later, the earliest first."""
        rows = self._client.list_workflows(name=WORKFLOW, status=[status for state in FINAL for status in OF[state]],
                                           completed_after=_iso(since), load_input=False, load_output=False)
        return sorted(map(_ended, rows), key=lambda job: job.ended)

    def check(self) -> bool:
        """Whether the database answers."""
        try:
            self._client.list_workflows(name=WORKFLOW, limit=1, load_input=False, load_output=False)
        except Exception:  # the driver's own kinds
            return False
        return True

    def _find(self, job_id: str) -> WorkflowStatus | None:
        found = self._client.list_workflows(workflow_ids=[job_id])
        return found[0] if found else None

    def _same(self, found: WorkflowStatus, sent: dict[str, Any]) -> Job:
        if _sent(found) != sent:
            raise Refusal(409, "expected the request that this Idempotency-Key was first sent with, found another; choose a new key")
        return _job(found)


def _of_key(by: str, key: str) -> uuid.UUID:
    """A UUID that follows from who asked and the key, in the form of a random one."""
    return uuid.UUID(bytes=hashlib.sha256(f"{by}\n{key}".encode("utf-8", "replace")).digest()[:16], version=4)


def _sent(found: WorkflowStatus) -> dict[str, Any]:
    return found.input["args"][0] if found.input else {}


def _job(found: WorkflowStatus) -> Job:
    sent, told = _sent(found), found.attributes or {}
    done: dict[str, Any] = found.output or {}
    state = STATE[found.status]
    error = None
    if state == "failed":
        error = str(found.error) if found.error else "expected the job to end, found its worker killed each time; see the worker's log"
    return Job(
        id=uuid.UUID(found.workflow_id), kind=sent["kind"], state=state, step=told.get("step", ""),
        progress=1.0 if state == "succeeded" else told.get("progress", 0.0), created_at=utc(found.created_at), started_at=_started(found),
        finished_at=utc(found.completed_at), error=error, log=told.get("log", ""), result=done.get("result"), name=sent["name"],
        version=done.get("version"), by=sent["by"], request=sent["request"], artifacts=done.get("artifacts", []))


def _started(found: WorkflowStatus) -> datetime | None:
    return utc(found.dequeued_at or (found.attributes or {}).get("started"))


def _read_cursor(cursor: str | None) -> tuple[str | None, int]:
    if cursor is None:
        return None, 0
    if not (match := CURSOR.fullmatch(cursor)):
        raise Refusal(422, "expected a cursor that this service gave, found another; begin without one")
    try:
        return _iso(int(match[1])), int(match[2])
    except (ValueError, OverflowError, OSError):
        raise Refusal(422, "expected a cursor that this service gave, found another; begin without one") from None


def _iso(milliseconds: int) -> str:
    return (datetime.fromtimestamp(milliseconds / 1000, UTC) + HALF).isoformat()


def _kind(found: WorkflowStatus) -> str:
    return str((found.attributes or {}).get("kind", ""))


def _ended(found: WorkflowStatus) -> Ended:
    ended, started = found.completed_at or 0, found.dequeued_at or (found.attributes or {}).get("started")
    waited = None if started is None else (started - (found.created_at or 0)) / 1000
    took = None if started is None else (ended - started) / 1000
    return Ended(found.workflow_id, _kind(found), STATE[found.status], ended, waited, took)


def _cursor(rows: list[WorkflowStatus], before: str | None) -> str:
    last = rows[-1].created_at
    given = sum(row.created_at == last for row in rows)
    if before and (match := CURSOR.fullmatch(before)) and int(match[1]) == last:
        given += int(match[2])
    return f"{last}.{given}"
