"""Where a study is kept: SQLite, or any database that SQLAlchemy knows; a trial whose worker fell silent is given to another."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import EdgeError

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

HEARTBEAT, SILENT = 5, 30
"""Seconds between a worker's signs of life, and after how many without one its trial counts as lost."""
RETRIES = 2
DATABASE_WAIT = 60
"""Seconds to wait for another process that writes."""


def default_url(store: Path) -> str:
    """The study database beside a store."""
    return f"sqlite:///{(store.parent / 'search.db').resolve()}"


def open_storage(url: str) -> RDBStorage:
    """The storage at an SQLAlchemy URL; EdgeError where there is no such database."""
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    if url.startswith("sqlite:///") and (file := url.removeprefix("sqlite:///")):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    arguments = {"connect_args": {"timeout": DATABASE_WAIT}} if url.startswith("sqlite:") else {"pool_pre_ping": True}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.storages.RDBStorage(
                url, engine_kwargs=arguments, heartbeat_interval=HEARTBEAT, grace_period=SILENT,
                heartbeat_stale_trial_callback=optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=RETRIES))
    except (SQLAlchemyError, ImportError, ValueError, RuntimeError) as error:
        from sqlalchemy.engine import make_url
        try:
            shown = make_url(url).render_as_string(hide_password=True)
        except SQLAlchemyError:
            shown = "the URL"
        reason = " ".join(str(error).split())
        raise EdgeError(f"{shown}: expected a study database, found {reason:.200}; give sqlite:///FILE or "
                        "postgresql+psycopg://USER:PASSWORD@HOST/NAME") from None
