"""Where a study is kept: one SQLite file for the processes of a machine, or a database that several machines reach."""

from __future__ import annotations

import sqlite3
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import EdgeError

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

HEARTBEAT = 5  # seconds between two signs of life of a trial
GRACE = 60  # seconds without one after which its worker counts as dead; a busy machine delays a sign by seconds
RETRIES = 1  # how often a trial whose worker died is tried again: a recipe that kills its worker shall not kill them all
WAIT = 60  # seconds that SQLite waits for another process's write
ATTEMPTS = 5  # workers that start at once make the same tables


def open_storage(url: str, heartbeat: int = HEARTBEAT, grace: int = GRACE) -> RDBStorage:
    """Optuna's storage at an address of SQLAlchemy (``sqlite:///FILE``, ``postgresql+psycopg://…``), its tables made if need be.

    A running trial gives a sign of life every ``heartbeat`` seconds.  Without one for ``grace`` seconds it has failed, and the next
    worker that asks for a trial queues it again, `RETRIES` times at most.  EdgeError, without the password, for an address that cannot
    be used.
    """
    import optuna
    from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
    from sqlalchemy.exc import SQLAlchemyError

    kwargs = _prepared(url)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        again = RetryHeartbeatStaleTrialCallback(max_retry=RETRIES)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return RDBStorage(url, kwargs, heartbeat_interval=heartbeat, grace_period=grace, heartbeat_stale_trial_callback=again)
            except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
                if attempt == ATTEMPTS or not _may_pass(error):
                    raise _unusable(url, _reason(error)) from error
                time.sleep(0.2 * attempt)
            except (ImportError, RuntimeError, ValueError) as error:  # no driver; tables of another version of Optuna
                raise _unusable(url, _reason(error)) from error
    raise AssertionError("unreachable")


def _prepared(url: str) -> dict[str, object]:
    """SQLAlchemy's settings for the database at ``url``; a SQLite file is put into write-ahead mode, where readers do not wait."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError):
        raise _unusable(url, "no such address") from None
    if backend != "sqlite":
        return {"pool_pre_ping": True, "connect_args": {"connect_timeout": 10} if backend == "postgresql" else {}}
    if not parsed.database or parsed.database == ":memory:":
        raise _unusable(url, "a database in memory, which no other process can open")
    file = Path(parsed.database)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with sqlite3.connect(file, timeout=WAIT) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.close()
    except (OSError, sqlite3.Error) as error:
        raise _unusable(url, str(error)) from None
    return {"connect_args": {"timeout": WAIT}}


def _may_pass(error: BaseException) -> bool:
    """Whether another process was making the same tables."""
    told = f"{error} {error.__cause__}"
    return any(words in told for words in ("already exists", "duplicate key", "UNIQUE constraint", "database is locked"))


def _reason(error: BaseException) -> str:
    """The first line of what the driver says: the others are the statement and an address of documentation."""
    said = str(error.__cause__ or error).strip() or type(error).__name__
    return said.splitlines()[0]


def _unusable(url: str, reason: str) -> EdgeError:
    return EdgeError(f"--study-url: expected a database such as sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME, found {shown(url)}: "
                     f"{reason:.200}; correct the address, or start the database")


def shown(url: str) -> str:
    """The address without its password."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        return repr(url.partition("://")[0] + "://…") if "://" in url else repr(url)
