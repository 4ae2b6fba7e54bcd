"""Looking at jobs and cancelling them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from anyio import sleep
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from pipeline.service.access import needs
from pipeline.service.jobs import JobList
from pipeline.service.problems import told
from pipeline.service.schemas import FINAL, Envelope, Job, Jobs, State
from pipeline.service.tokens import Holder

EVENTS = 25.0  # s that one stream of events lasts; the client connects again
LOOK, BEAT = 0.5, 10.0  # s between two looks at the job, and between two signs of life
EVENT = {"type": "object", "required": ["event", "data"], "properties": {
    "event": {"const": "job"}, "retry": {"type": "integer"}, "data": {"type": "string", "contentMediaType": "application/json"}}}
router = APIRouter(prefix="/jobs", tags=["jobs"], responses=told("422"))
Reader = Annotated[Holder, needs("read")]
Submitter = Annotated[Holder, needs("submit")]


@router.get("", response_model=Envelope[Jobs])
def jobs(request: Request, by: Reader, state: Annotated[State | None, Query(examples=["running"])] = None,
         limit: Annotated[int, Query(ge=1, le=500)] = 50,
         cursor: Annotated[str | None, Query(pattern=r"^[0-9]{1,13}\.[0-9]{1,6}$", description="of the page before")] = None
         ) -> Envelope[Jobs]:
    """The newest first, a page at a time."""
    page = _list(request).page(state, limit, cursor)
    return Envelope[Jobs](data=Jobs(jobs=page.jobs, cursor=page.cursor))


@router.get("/{id}", response_model=Envelope[Job], responses=told("404"))
def job(request: Request, by: Reader, id: UUID) -> Envelope[Job]:
    """State, step, progress, the end of the log, and the result's key."""
    return Envelope[Job](data=_list(request).job(id))


@router.post("/{id}/cancel", response_model=Envelope[Job], responses=told("400 404 409 413"))
def cancel(request: Request, by: Submitter, id: UUID) -> Envelope[Job]:
    """A waiting job at once, a running one within seconds; what it finished stays in the store."""
    return Envelope[Job](data=_list(request).cancel(id), message="cancelled")


@router.get("/{id}/events", response_class=StreamingResponse, responses={
    200: {"description": f"the job as JSON whenever it has changed, `event: job`; until it is over, {EVENTS:g} s at most",
          "content": {"text/event-stream": {"schema": EVENT}}}, **told("404")})
async def events(request: Request, by: Reader, id: UUID) -> StreamingResponse:
    """The job as server-sent events.  A stream ends after a while, so that the server can; connect again."""
    first = await run_in_threadpool(_list(request).job, id)
    return StreamingResponse(_events(_list(request), first), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _events(jobs: JobList, job: Job) -> AsyncIterator[str]:
    began = last = time.monotonic()
    yield f"retry: 1000\n{_event(job)}"
    while job.state not in FINAL and time.monotonic() - began < EVENTS:
        await sleep(LOOK)
        now = await run_in_threadpool(jobs.job, job.id)
        if now != job:
            yield _event(job := now)
            last = time.monotonic()
        elif time.monotonic() - last > BEAT:
            yield ": alive\n\n"
            last = time.monotonic()


def _event(job: Job) -> str:
    return f"event: job\ndata: {job.model_dump_json()}\n\n"


def _list(request: Request) -> JobList:
    found: JobList = request.app.state.jobs
    return found
