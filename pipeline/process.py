"""Run a program of ours as a child that never outlives us."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.errors import EdgeError

# Started before the program itself: preexec_fn is not safe in a process with threads.  Linux ends the program with
# its parent; elsewhere a forked watcher looks twice a second whether the parent still lives.
_LAUNCHER = """
import os, signal, sys, time
parent, argv = int(sys.argv[1]), sys.argv[2:]
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
else:
    program = os.getpid()
    if os.fork() == 0:
        os.closerange(0, 3)
        while os.getppid() == program:
            try:
                os.kill(parent, 0)
            except OSError:
                os.kill(program, signal.SIGKILL)
            time.sleep(0.5)
        os._exit(0)
if os.getppid() != parent:
    sys.exit("the parent process has ended")
try:
    os.execvp(argv[0], argv)
except OSError as error:
    sys.exit(f"{type(error).__name__}: cannot start {argv[0]}: {error.strerror}")
"""
_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit|Iteration)\b")


def run(
    argv: list[str],
    *,
    env: Mapping[str, str] = {},
    log: Path,
    on_line: Callable[[str], None] | None = None,
) -> None:
    """Run ``argv`` without a shell, in a process group of its own, with ``env`` added to this environment.

    Its output (both streams, carriage returns as line ends) goes to ``log``, and each line to ``on_line``.  However
    this call ends, the group is gone afterwards.  Raises EdgeError with the last meaningful line of the output when
    the program fails.
    """
    with log.open("w", encoding="utf-8") as sink, subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *argv],
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    ) as child:
        try:
            assert child.stdout is not None
            for line in child.stdout:
                sink.write(line)
                sink.flush()
                if on_line is not None:
                    on_line(line.rstrip("\n"))
            code = child.wait()
        finally:
            _end(child)
    if code != 0:
        raise EdgeError(f"{_name(argv)} failed ({_status(code)}): {_last_words(log)}; see {log}")


def _end(child: subprocess.Popen[str]) -> None:
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # already gone; macOS answers EPERM for a zombie
        pass


def _name(argv: list[str]) -> str:
    if "-m" in argv[:-1]:
        return argv[argv.index("-m") + 1]
    return Path(argv[0]).name


def _status(code: int) -> str:
    if code == -signal.SIGKILL:
        return "killed by SIGKILL, often for want of memory"
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _last_words(log: Path) -> str:
    """The exception's text if there is one near the end of the log, else its last line."""
    lines = [line for line in log.read_text(encoding="utf-8").splitlines()[-200:] if line.strip()]
    return next((line for line in reversed(lines) if _EXCEPTION.match(line)), lines[-1] if lines else "no output")
