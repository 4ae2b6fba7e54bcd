"""The worker: takes jobs from the database and has them built.  ``python -m pipeline.service.worker`` is one that ends with its parent.

Killed at any moment, it leaves its jobs to the next worker that starts or looks: the workflow begins anew and finds in the store what
was finished.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from dbos import DBOS, DBOSClient
from sqlalchemy.exc import SQLAlchemyError

from pipeline.errors import EdgeError
from pipeline.service import engine
from pipeline.service.executors import Executors
from pipeline.service.runners import EndedError, Runner, Runners
from pipeline.service.settings import Settings, read_settings
from pipeline.service.with_parent import end_with_parent

LOOK = 1.0  # s between two looks whether a job was cancelled
TAKE_UP = 2.0  # s between two looks for workers that have died
RECOVERIES = 20  # times that a job is taken up again: one that kills its worker each time must end
LIVES = 2  # runners that one job may use up


class CancelledError(EdgeError):
    """Somebody cancelled the job; the database knows already."""


class Worker:
    """One worker process."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._runners, self._executors = Runners(), Executors(settings.state, settings.database)
        self._client: DBOSClient = engine.client(settings, patient=True)
        self._logs = settings.state / "logs"
        self._told: dict[str, dict[str, Any]] = {}  # what the database knows of a job that runs here

    def run(self) -> None:
        """Until this process ends."""
        self._logs.mkdir(parents=True, exist_ok=True)
        DBOS(config=engine.config(self._settings, self._executors.enter()))

        @DBOS.step(name="build")
        def build(order: dict[str, Any]) -> dict[str, Any]:
            return self._build(str(DBOS.workflow_id), order)

        @DBOS.workflow(name=engine.WORKFLOW, max_recovery_attempts=RECOVERIES)
        def compress(order: dict[str, Any]) -> dict[str, Any]:
            return build(order)

        DBOS.launch()
        while True:
            self._executors.take_up(lambda name: DBOS._recover_pending_workflows([name]))  # type: ignore[func-returns-value]
            time.sleep(TAKE_UP)

    def stop(self, number: int, frame: FrameType | None) -> None:
        """At once: what runs stays the database's to give to the next worker, as after a crash."""
        self._runners.end()
        os._exit(0)

    def _build(self, job: str, order: dict[str, Any]) -> dict[str, Any]:
        for life in range(LIVES):
            try:
                with self._runners.one() as runner:
                    return self._follow(job, order, runner)
            except EndedError:
                if life == LIVES - 1:
                    raise
        raise AssertionError

    def _follow(self, job: str, order: dict[str, Any], runner: Runner) -> dict[str, Any]:
        log, began, said = self._logs / f"{job}.log", time.monotonic(), dict[str, Any](started=int(time.time() * 1000))
        runner.ask({"job": job, "order": order, "store": str(self._settings.store), "log": str(log),
                    "registry": [self._settings.registry_url, self._settings.registry_artifacts]})
        try:
            while True:
                event = runner.answer(LOOK)
                if event is None:
                    self._check(job, time.monotonic() - began)
                    self._tell(job, said, log)
                    continue
                if "result" in event:
                    return event
                if "error" in event:
                    raise EdgeError(event["error"])
                said |= event
                self._tell(job, said, log)
        finally:
            self._tell(job, said, log)
            self._told.pop(job, None)
            log.unlink(missing_ok=True)

    def _check(self, job: str, seconds: float) -> None:
        with suppress(SQLAlchemyError):  # the next look may be luckier; a job is not lost for that
            found = self._client.list_workflows(workflow_ids=[job], load_input=False, load_output=False)
            if not found or found[0].status == "CANCELLED":
                raise CancelledError("cancelled")
        if seconds > self._settings.time_limit:
            raise EdgeError(f"expected the job within {self._settings.time_limit:g} s, found it unfinished; raise $EDGE_API_TIME_LIMIT")

    def _tell(self, job: str, said: dict[str, Any], log: Path) -> None:
        if (now := {**said, "log": tail(log, self._settings.log_bytes)}) != self._told.get(job):
            with suppress(SQLAlchemyError):
                self._client.update_workflow_attributes(job, now, merge=True)
                self._told[job] = now


def tail(log: Path, size: int) -> str:
    """The last ``size`` bytes of a file, as text that JSON and a database can hold."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - size))
            return file.read().decode("utf-8", "replace").replace("\x00", "�")
    except OSError:
        return ""


def work(settings: Settings) -> None:
    """A worker in this process, until it ends."""
    engine.prepare(settings)
    worker = Worker(settings)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, worker.stop)
    worker.run()


def main() -> int:
    end_with_parent(sys.stdin)
    try:
        work(read_settings(os.environ))
    except EdgeError as error:
        print(f"edge api worker: {error}", file=sys.stderr, flush=True)
        return 2
    return 0


if __name__ == "__main__":
    assert threading.current_thread() is threading.main_thread()
    sys.exit(main())
