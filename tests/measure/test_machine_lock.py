"""The machine's lock among real processes: who measures is alone, is not starved, and dies without a trace."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import pytest

from pipeline.errors import EdgeError
from pipeline.measure.child import ROOT
from pipeline.measure.machine_lock import FOLDER_VARIABLE, MachineLock, lock_folder

START = Callable[..., subprocess.Popen]

# Each stay is one line in the log: who, from when, until when.  A short line is appended whole.
PROGRAM = """
import os, sys, time
from pipeline.measure.machine_lock import MachineLock
log, how, stays, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
lock = MachineLock()
file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
print("ready", flush=True)
for _ in range(stays):
    with getattr(lock, how)():
        start = time.monotonic()
        print("in", flush=True)
        time.sleep(seconds)
        os.write(file, f"{how} {start} {time.monotonic()}\\n".encode())
"""
MEETING = """
from pipeline.measure.machine_lock import MachineLock
lock = MachineLock()
print("ready", flush=True)
input()
with lock.shared():
    for _ in range(20):
        with lock.alone(), lock.alone(), lock.shared():
            pass
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def start(log: Path) -> Iterator[START]:
    """start(how, stays, seconds) -> a process that is about to take the lock so often and to stay so long."""
    running: list[subprocess.Popen] = []

    def start_one(how: str, stays: int, seconds: float) -> subprocess.Popen:
        running.append(spawn(PROGRAM, str(log), how, str(stays), str(seconds)))
        return running[-1]

    yield start_one
    for process in running:
        process.kill()
        process.communicate()


def spawn(program: str, *arguments: str) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-c", program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def stays(log: Path) -> list[tuple[str, float, float]]:
    rows = [line.split() for line in log.read_text().splitlines()]
    return [(how, float(begin), float(end)) for how, begin, end in rows]


def overlapping(stays: list[tuple[str, float, float]]) -> list[tuple[str, str]]:
    return [(one[0], other[0]) for one, other in combinations(stays, 2) if one[1] < other[2] and other[1] < one[2]]


def test_who_is_alone_overlaps_nobody_and_those_who_share_do(start: START, log: Path) -> None:
    for process in [start(how, 25, 0.02) for how in ("shared", "shared", "alone", "alone")]:
        assert process.wait(30) == 0
    pairs = overlapping(stays(log))
    assert len(stays(log)) == 100
    assert ("shared", "shared") in pairs and not [pair for pair in pairs if "alone" in pair]


def test_who_waits_to_be_alone_is_not_starved_by_those_who_come_and_go(start: START, log: Path) -> None:
    """Stays of different lengths overlap, so that the room is hardly ever empty by itself; they would go on for minutes."""
    readers = [start("shared", 10_000, seconds) for seconds in (0.11, 0.13, 0.17, 0.19)]
    for reader in readers:
        assert reader.stdout.readline() == "in\n"
    assert start("alone", 3, 0.01).wait(30) == 0
    assert [reader.poll() for reader in readers] == [None] * 4


@pytest.mark.parametrize("how", ["shared", "alone"])
def test_a_killed_holder_frees_it(start: START, log: Path, how: str) -> None:
    holder = start(how, 1, 1000.0)
    assert holder.stdout.readline() == "in\n"
    follower = start("alone", 1, 0.0)
    with pytest.raises(subprocess.TimeoutExpired):
        follower.wait(0.5)
    holder.kill()
    assert follower.wait(30) == 0


def test_sharers_that_both_want_to_be_alone_do_not_wait_for_each_other() -> None:
    processes = [spawn(MEETING) for _ in range(3)]
    try:
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        assert [process.wait(30) for process in processes] == [0, 0, 0]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_whoever_waits_computes_nothing_and_is_told_once(start: START, tmp_path: Path) -> None:
    holder, heard = start("alone", 1, 1.0), []
    assert holder.stdout.readline() == "in\n"
    lock, used = MachineLock(), time.process_time()
    with lock.shared(heard.append):
        assert time.process_time() - used < 0.5
    start("alone", 1, 0.5).stdout.readline()
    with lock.shared(heard.append):
        pass
    assert heard == ["waiting for another process that measures or tests on this machine"]


def test_a_folder_that_others_could_meddle_with_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    for name in ("link", "file", "open"):
        monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / name))
        with pytest.raises(EdgeError, match=f"{name}.*remove it or set"):
            lock_folder()
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "new"))
    somebody_else = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: somebody_else)
    with pytest.raises(EdgeError, match="only you can write to"):
        lock_folder()
