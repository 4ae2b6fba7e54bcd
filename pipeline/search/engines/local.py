"""Workers as processes of this machine, one thread each."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from pipeline.process import _LAUNCHER, _last_words, _status
from pipeline.search.engines import environment, first_number, log_folder
from pipeline.search.engines.crew import REFUSED, End, supervise
from pipeline.search.work import Budget
from pipeline.search.worker import WorkerCommand


def run(command: WorkerCommand, workers: int, until: Budget) -> None:
    """Start ``workers`` processes and return when the budget is spent.  EdgeError as `supervise` says."""
    logs = log_folder(command)
    logs.mkdir(parents=True, exist_ok=True)
    supervise(lambda number, left: Process(command, number, left, logs / f"worker-{number}.log"), workers, until,
              first_number(command.plan.study_url))


class Process:
    """A worker in a process group of its own that, like those of `pipeline.process.run`, does not outlive this one."""

    def __init__(self, command: WorkerCommand, number: int, until: Budget, log: Path) -> None:
        self._log = log
        with log.open("wb") as sink:
            self._child = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *command.argv(number, until)],
                env={**os.environ, **environment(command)}, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
                start_new_session=True)

    def end(self) -> End | None:
        code = self._child.poll()
        if code is None:
            return None
        self.kill()  # what it may have left behind
        if code == 0:
            return End(code, "")
        words = _last_words(self._log)
        return End(code, words if code == REFUSED else f"{_status(code)}: {words}; see {self._log}")

    def kill(self) -> None:
        try:
            os.killpg(self._child.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # gone already; macOS answers EPERM for a zombie
            pass
        self._child.wait()
