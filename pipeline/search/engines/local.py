"""Workers as processes of this machine, which share its cores."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from pipeline.process import _LAUNCHER, _last_words, _status
from pipeline.search.engines import environment, first_number, log_folder
from pipeline.search.engines.crew import REFUSED, End, supervise
from pipeline.search.engines.watch import watching
from pipeline.search.work import Budget
from pipeline.search.worker import WorkerCommand


def run(command: WorkerCommand, workers: int, until: Budget, threads: int | None = None) -> None:
    """Start ``workers`` processes and return when the budget is spent.  threads: of each [its share of the cores, at least one].

    EdgeError as `supervise` says.
    """
    logs, share = log_folder(command), threads or max(1, (os.cpu_count() or 1) // max(1, workers))
    logs.mkdir(parents=True, exist_ok=True)
    with watching(command.plan, until) as look:
        supervise(lambda number, left: Process(command, number, left, share, logs / f"worker-{number}.log"), workers, until,
                  first_number(command.plan.study_url), look)


class Process:
    """A worker in a process group of its own that, like those of `pipeline.process.run`, does not outlive this one."""

    def __init__(self, command: WorkerCommand, number: int, until: Budget, threads: int, log: Path) -> None:
        self._log = log
        with log.open("wb") as sink:
            self._child = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *command.argv(number, until)],
                env={**os.environ, **environment(command, threads)}, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
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
