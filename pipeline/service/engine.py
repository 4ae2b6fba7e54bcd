"""DBOS as it is used here: one queue, one workflow, JSON alone in the database, nobody told of it.

DBOS would otherwise pickle what it stores; its portable JSON serializer does not.  Neither telemetry nor conductor is configured.
"""

from __future__ import annotations

import logging
from contextlib import closing

from dbos import DBOS, DBOSClient, DBOSConfig
from dbos._serialization import DBOSPortableJSONSerializer
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from pipeline.errors import EdgeError
from pipeline.service.settings import Settings

NAME, QUEUE, WORKFLOW = "edge-api", "compression", "compress"
VERSION = "1"
"""Of what the database holds, not of the code: a job that an older release queued is done by a newer one."""
POLLING = 0.2  # s between two looks into the queue


def config(settings: Settings, executor: str) -> DBOSConfig:
    """For a worker process of that name."""
    return DBOSConfig(name=NAME, system_database_url=settings.database, executor_id=executor, application_version=VERSION,
                      serializer=DBOSPortableJSONSerializer(), log_level="WARNING", enable_otlp=False)


def prepare(settings: Settings) -> None:
    """Make the database or bring it up to date; EdgeError where it cannot be reached, without its password."""
    logging.getLogger("dbos").setLevel(logging.WARNING)
    try:
        settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        DBOS.migrate(settings.database)
        if settings.database.startswith("sqlite"):
            with create_engine(settings.database).connect() as connection:
                connection.execute(text("PRAGMA journal_mode=WAL"))  # for good: who reads does not wait for who writes
        with closing(_Closing(settings)) as opened:
            opened.client.register_queue(QUEUE, global_concurrency=settings.jobs, worker_concurrency=settings.jobs,
                                         polling_interval_sec=POLLING)
    except (SQLAlchemyError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        password = make_url(settings.database).password
        reason = reason.replace(str(password), "***") if password else reason
        raise EdgeError(f"$EDGE_API_DATABASE_URL: expected a database, found {reason}; start it or set it anew") from None


def client(settings: Settings, patient: bool = False) -> DBOSClient:
    """What asks and tells the database without running anything; the caller ends it with ``destroy``.

    patient: waits for a database that is gone for a while, instead of raising SQLAlchemyError.
    """
    return DBOSClient(system_database_url=settings.database, serializer=DBOSPortableJSONSerializer(), application_name=NAME,
                      retry_connection_errors=patient, system_database_pool_size=8)


class _Closing:
    def __init__(self, settings: Settings) -> None:
        self.client = client(settings)

    def close(self) -> None:
        self.client.destroy()
