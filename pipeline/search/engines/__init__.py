"""Where the workers of a search run: one file an engine, each with ``run(command, workers, until)``.

A worker is a process that asks the study for a trial, judges it and tells its values; workers know of one another only by the study and
the store.  So any number on any machine may join or leave, and an engine only starts them, looks after them and ends them (`crew`).
"""

from __future__ import annotations

import os
import socket
import zlib
from importlib import import_module
from pathlib import Path
from types import ModuleType
from urllib.parse import quote

from pipeline.errors import EdgeError
from pipeline.measure.child import ROOT, THREAD_VARIABLES
from pipeline.search.worker import WorkerCommand

NAMES = ("local", "ray")


def engine(name: str) -> ModuleType:
    """The module of an engine; EdgeError for an unknown name."""
    if name not in NAMES:
        raise EdgeError(f"--engine: expected {' or '.join(NAMES)}, found {name!r:.40}")
    return import_module(f"pipeline.search.engines.{name}")


def environment(command: WorkerCommand, threads: int = 1) -> dict[str, str]:
    """What is added to a worker's environment: its plan, its threads, for its neighbours have the other cores, and this code."""
    inherited = os.environ.get("PYTHONPATH")
    return {**dict.fromkeys(THREAD_VARIABLES, str(threads)), "TOKENIZERS_PARALLELISM": "false", "PYTHONUTF8": "1",
            "PYTHONPATH": os.pathsep.join([str(ROOT), inherited] if inherited else [str(ROOT)]), **command.env}


def first_number(study_url: str) -> int:
    """From where the workers of this command are numbered: a worker draws by its number, and two machines shall not draw alike."""
    if study_url.startswith("sqlite:"):
        return 0
    return 1000 * (zlib.crc32(f"{socket.gethostname()} {os.getpid()}".encode()) % 1_000_000)


def log_folder(command: WorkerCommand) -> Path:
    """Where the workers' output goes, beside the store."""
    return Path(command.plan.store).resolve().parent / "search-logs" / quote(command.plan.study, safe="")
