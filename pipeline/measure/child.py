"""The parent's side of `pipeline.measure.worker`: start it, ask it, and name what killed it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self

from pipeline.errors import EdgeError
from pipeline.measure.subject import Subject

PROGRAM = ("-P", "-m", "pipeline.measure.worker")  # -P: a stray json.py in the working directory must not be imported
ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 300.0
THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "RAYON_NUM_THREADS",
)


def environment(threads: int, code: Path = ROOT) -> dict[str, str]:
    """The child's environment: threads fixed, no network, the package in ``code`` importable from any directory."""
    inherited = os.environ.get("PYTHONPATH")
    fixed = {name: str(threads) for name in THREAD_VARIABLES}
    return {
        **os.environ,
        **fixed,
        "PYTHONPATH": os.pathsep.join([str(code), inherited] if inherited else [str(code)]),
        "PYTHONUTF8": "1",
        "KMP_BLOCKTIME": "1",  # ms an idle OpenMP thread spins: else a finished process disturbs the next measurement
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
    }


class Child:
    """A running worker.  Use as a context manager: it never outlives the block.  All failures are EdgeErrors."""

    def __init__(self, name: str, threads: int, timeout: float = TIMEOUT, code: Path | None = None) -> None:
        self.name, self.timeout = name, timeout
        self.stderr: IO[bytes] = tempfile.TemporaryFile()
        self.started = time.perf_counter_ns()
        self.process = subprocess.Popen(
            [sys.executable, *PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.stderr,
            env=environment(threads, code or ROOT), bufsize=0,
        )
        self.buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.stderr):
            stream.close()

    def tell(self, request: object) -> None:
        """Writes one line without waiting for the answer."""
        data = (json.dumps(request) + "\n").encode()
        try:
            while data:
                data = data[self.process.stdin.write(data):]
        except BrokenPipeError:
            self._refuse(self.hear())  # what it said before it went

    def hear(self) -> dict[str, Any]:
        """The next answer; EdgeError when it is an error, when the worker died, or after ``timeout`` seconds."""
        deadline = time.monotonic() + self.timeout
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                self.process.kill()
                raise EdgeError(f"{self.name}: expected an answer within {self.timeout:g} s, found none; "
                                "the worker was killed; measure a smaller model or raise the timeout")
            chunk = os.read(self.process.stdout.fileno(), 1 << 20)
            if not chunk:
                raise EdgeError(self._epitaph())
            self.buffer += chunk
        line, _, self.buffer = self.buffer.partition(b"\n")
        try:
            answer = json.loads(line)
        except ValueError:
            raise EdgeError(f"{self.name}: expected one JSON line from the worker, found {line[:80]!r}") from None
        if "error" in answer:
            self._refuse(answer)
        return answer

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        self.tell({"do": do, **arguments})
        return self.hear()

    def _refuse(self, answer: dict[str, Any]) -> None:
        raise EdgeError(f"{self.name}: {answer.get('error', 'the worker stopped reading')}")

    def _epitaph(self) -> str:
        code = self.process.wait()
        self.stderr.seek(0)
        said = self.stderr.read().decode(errors="replace").strip().splitlines()
        last = f"; its last words: {said[-1][:300]}" if said else ""
        if code == -signal.SIGKILL:
            return (f"{self.name}: expected an answer, found the worker killed (SIGKILL); the system does that when "
                    f"memory runs out: free some or measure a smaller model{last}")
        how = f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return f"{self.name}: expected an answer, found the worker {how}{last}"


@contextmanager
def serving(subject: Subject, timeout: float = TIMEOUT) -> Iterator[tuple[Child, dict[str, Any]]]:
    """A worker with the subject's model loaded, and its answer to `open`."""
    with Child(subject.name, subject.threads, timeout, subject.code) as child:
        yield child, child.ask("open", **opening(subject))


def opening(subject: Subject) -> dict[str, Any]:
    """The arguments of the worker's `open`, paths absolute."""
    return {
        "model": str(subject.model.resolve()),
        "decision": str(subject.decision.resolve()),
        "threads": subject.threads,
        **({"backend": subject.backend} if subject.backend else {}),  # asked of a baseline's code only where it is needed
        **({"workspace": str(subject.workspace.resolve()), "deciding": subject.deciding} if subject.workspace else {}),
    }


def ran_as(opened: dict[str, Any]) -> dict[str, Any]:
    """What really ran, for a measurement's conditions."""
    return {name: opened[name] for name in ("backend", "provider", "threads")}
