"""The connection to mlflow's registry: a database or a server, by URL.  It tells nobody of its use, and its errors are one line."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import EdgeError

if TYPE_CHECKING:
    from mlflow import MlflowClient

SQLITE = "sqlite:///"
SCHEMES = ("sqlite", "postgresql", "mysql", "mssql", "http", "https")
ABSENT, PRESENT = "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"
# mlflow waits for minutes where nobody answers, if nothing is said.
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "15", "MLFLOW_SQLALCHEMYSTORE_MAX_RETRIES": "3"}
_connecting = threading.Lock()


def database_file(url: str) -> Path | None:
    """The file of an SQLite URL; None for another."""
    return Path(url.removeprefix(SQLITE)) if url.startswith(SQLITE) else None


def shown(url: str) -> str:
    """The URL without its password."""
    return re.sub(r"(://[^/@:]*):[^/]*@", r"\1:…@", url)


def check_url(url: str) -> str:
    scheme = url.partition(":")[0].partition("+")[0]
    if "://" not in url or scheme not in SCHEMES or scheme == "sqlite" and len(url) <= len(SQLITE):
        raise EdgeError(f"expected a registry such as sqlite:///FILE, postgresql://… or https://…, found {shown(url)[:80]!r}; "
                        "correct --registry-url")
    return url


def connect(url: str) -> MlflowClient:
    """A client; an SQLite file and its tables are made by whoever comes first.  EdgeError where the registry cannot be reached."""
    from pipeline.quiet import quiet
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # read at import: each use would be reported otherwise
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    with _connecting, _alone(url), one_line(url), quiet():
        from mlflow import MlflowClient
        client = MlflowClient(tracking_uri=url, registry_uri=url)
        client.search_registered_models(max_results=1)
    return client


def _alone(url: str) -> AbstractContextManager[Any]:
    """Two processes must not make one file's tables at once."""
    from filelock import FileLock
    file = database_file(url)
    if file is None:
        return nullcontext()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EdgeError(f"expected a folder for the registry at {file.parent}, found {error.strerror}; correct --registry-url") from None
    return FileLock(f"{file}.lock")


@contextmanager
def one_line(url: str, through: tuple[str, ...] = ()) -> Iterator[None]:
    """What mlflow or the database raises as one EdgeError; mlflow's errors of the codes in ``through`` as they are."""
    try:
        yield
    except EdgeError:
        raise
    except Exception as error:  # a database's driver, SQLAlchemy, requests and mlflow each raise their own
        from mlflow.exceptions import MlflowException
        if isinstance(error, MlflowException) and error.error_code in through:
            raise
        reason = shown(" ".join(str(error).split()))[:200] or type(error).__name__
        raise EdgeError(f"the registry {shown(url)} gave: {reason}; check --registry-url, and that it can be read and written") from error
