"""A child process says what went wrong and never outlives us."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pipeline.errors import EdgeError
from pipeline.process import run
from pipeline.progress import track

SLEEPER = "import sys, time; open(sys.argv[1], 'w').write(str(__import__('os').getpid())); time.sleep(60)"


def test_lines_environment_and_log(tmp_path: Path) -> None:
    lines: list[str] = []
    code = "import os; print('今天', flush=True); print(os.environ['MARK'], end='\\rlast\\n')"
    run([sys.executable, "-c", code], env={"MARK": "set"}, log=tmp_path / "log", on_line=lines.append)
    assert lines == ["今天", "set", "last"]
    assert (tmp_path / "log").read_text(encoding="utf-8") == "今天\nset\nlast\n"


def test_failure_names_the_exception_and_the_log(tmp_path: Path) -> None:
    code = "import atexit; atexit.register(print, 'cleaning up'); raise ValueError('no such thing')"
    with pytest.raises(EdgeError, match=r"exit code 1\): ValueError: no such thing; see .*log$"):
        run([sys.executable, "-c", code], log=tmp_path / "log")
    assert "Traceback" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(("argv", "because"), [
    ([sys.executable, "-c", "print('half done'); raise SystemExit(3)"], r"exit code 3\): half done"),
    ([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], "SIGKILL, often for want of memory"),
    (["no-such-program"], "cannot start no-such-program"),
])
def test_other_failures(tmp_path: Path, argv: list[str], because: str) -> None:
    with pytest.raises(EdgeError, match=because):
        run(argv, log=tmp_path / "log")


def test_error_in_the_callback_ends_the_whole_group(tmp_path: Path) -> None:
    def fail(line: str) -> None:
        raise KeyboardInterrupt(line)

    code = ("import os, subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
            "print(os.getpid(), child.pid, flush=True); time.sleep(60)")
    with pytest.raises(KeyboardInterrupt) as error:
        run([sys.executable, "-c", code], log=tmp_path / "log", on_line=fail)
    assert all(gone(int(pid)) for pid in str(error.value).split())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_child_ends_with_its_parent(tmp_path: Path, number: signal.Signals) -> None:
    mark = tmp_path / "pid"
    # A shell in the background starts its children deaf to SIGINT.
    code = ("import signal, sys; from pathlib import Path; from pipeline.process import run; "
            "signal.signal(signal.SIGINT, signal.default_int_handler); "
            f"run([sys.executable, '-c', {SLEEPER!r}, {str(mark)!r}], log=Path({str(tmp_path / 'log')!r}))")
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as parent:
        until(lambda: mark.is_file() and mark.read_text() != "")
        parent.send_signal(number)
        parent.wait(timeout=20)
    assert gone(int(mark.read_text()))


def test_progress_is_silent_in_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    with track("work", 3) as bar:
        bar.advance()
        bar.update(3, note="loss 0.1")
    assert capsys.readouterr() == ("", "")


def gone(pid: int) -> bool:
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    return True


def until(condition) -> None:  # noqa: ANN001
    limit = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < limit, "waited 10 s in vain"
        time.sleep(0.05)
