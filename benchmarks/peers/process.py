"""The parent's side of `benchmarks.peers.worker`: `pipeline.measure.child.Child` by any interpreter."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

from pipeline.measure.child import ROOT, Child, environment

PROGRAM = ("-P", "-m", "benchmarks.peers.worker")
NO_TELEMETRY = {"CI": "true", "NNCF_CI": "1"}  # OpenVINO's and NNCF's way to say that usage is not reported
PREPARING, RUNNING = 7200.0, 600.0  # s


class Worker(Child):
    """A running worker; see `Child`."""

    def __init__(self, name: str, python: Path, threads: int, timeout: float = RUNNING) -> None:
        self.name, self.timeout, self.buffer = name, timeout, b""
        self.stderr = tempfile.TemporaryFile()
        self.started = time.perf_counter_ns()
        self.process = subprocess.Popen([str(python), *PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.stderr,
                                        env={**environment(threads, ROOT), **NO_TELEMETRY}, bufsize=0)
