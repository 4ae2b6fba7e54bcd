"""Where a study is kept: SQLite, or any database that SQLAlchemy knows; a trial whose worker fell silent is given to another."""

from __future__ import annotations

import sqlite3
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import EdgeError

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial

HEARTBEAT, SILENT = 5, 60
"""Seconds between a worker's signs of life, and after how many without one its trial counts as lost: a busy machine delays them."""
RETRIES = 1
"""How often a lost trial is tried again: a recipe that kills its worker shall not kill them all."""
DATABASE_WAIT = 60
"""Seconds to wait for another process that writes."""
ATTEMPTS = 5
"""At opening: workers that start at once make the same tables."""


def default_url(store: Path) -> str:
    """The study database beside a store."""
    return f"sqlite:///{(store.parent / 'search.db').resolve()}"


def open_storage(url: str) -> RDBStorage:
    """The storage at an SQLAlchemy URL, its tables made if need be; EdgeError, without the password, where there is no such database."""
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    settings = _prepared(url)
    again = _again()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _quietly(lambda: optuna.storages.RDBStorage(
                url, engine_kwargs=settings, heartbeat_interval=HEARTBEAT, grace_period=SILENT, heartbeat_stale_trial_callback=again))
        except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
            if attempt == ATTEMPTS or not _may_pass(error):
                raise _unusable(url, _reason(error)) from None
            time.sleep(0.2 * attempt)
        except (ImportError, ValueError, RuntimeError) as error:  # no driver, or tables of another version of Optuna
            raise _unusable(url, _reason(error)) from None
    raise AssertionError("unreachable")


def _again() -> Callable[[Study, FrozenTrial], None]:
    """Queues a lost trial's point anew, without what the trial had found."""
    import optuna

    retry = _quietly(lambda: optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=RETRIES))

    def queue(study: Study, lost: FrozenTrial) -> None:
        lost.user_attrs = {}
        retry(study, lost)

    return queue


def _quietly(make: Any) -> Any:
    """What ``make`` returns, without Optuna's warning that heartbeats are experimental."""
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return make()


def _prepared(url: str) -> dict[str, Any]:
    """SQLAlchemy's settings for a database; a SQLite file is put into write-ahead mode, in which readers do not wait for a writer."""
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
        raise _unusable(url, "one in memory, which no other process can open")
    file = Path(parsed.database)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(file, timeout=DATABASE_WAIT)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()
    except (OSError, sqlite3.Error) as error:
        raise _unusable(url, str(error)) from None
    return {"connect_args": {"timeout": DATABASE_WAIT}}


def _may_pass(error: BaseException) -> bool:
    """Whether another process was making the same tables."""
    told = f"{error} {error.__cause__}"
    return any(words in told for words in ("already exists", "duplicate key", "UNIQUE constraint", "database is locked"))


def _reason(error: BaseException) -> str:
    """The first line of what the driver says: the others are the statement and an address of documentation."""
    said = str(error.__cause__ or error).strip() or type(error).__name__
    return said.splitlines()[0]


def _unusable(url: str, reason: str) -> EdgeError:
    return EdgeError(f"{shown(url)}: expected a study database, found {reason:.200}; give sqlite:///FILE or "
                     "postgresql+psycopg://USER:PASSWORD@HOST/NAME, and start it")


def shown(url: str) -> str:
    """The address without its password."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        return f"{url.partition('://')[0]}://…" if "://" in url else repr(url)
