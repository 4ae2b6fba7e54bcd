"""Several processes and threads have one study record open, and are killed at any moment: nothing that was promised is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pipeline.edge.assistant.record.entry import SESSION, Entry
from pipeline.edge.assistant.record.study import StudyRecord
from pipeline.measure.student import Counted
from tests.assistant.study import NOON, check_against, content

WRITER = """
import sys
from datetime import datetime
from pathlib import Path
from pipeline.edge.assistant.record.study import StudyRecord

folder, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
with StudyRecord.open(folder) as record:
    for minutes in range(1, count + 1):
        entry = record.log("session", datetime.fromisoformat("2026-02-26T12:00:00+08:00"), course=name, minutes=minutes)
        print(entry.number, minutes, flush=True)
    print("done", flush=True)
    sys.stdin.read()
"""


def write(folder: Path, name: str, count: int) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", WRITER, str(folder), name, str(count)]
    return subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def entries_of(record: StudyRecord) -> list[Entry]:
    return [Entry(*row[:10]) for row in content(record)["entry"]]


def test_two_processes_and_this_one_lose_nothing(tmp_path: Path) -> None:
    with StudyRecord.open(tmp_path) as record:
        writers = [write(tmp_path, name, 40) for name in ("甲", "乙")]
        for _ in range(20):
            record.log(SESSION, NOON, course="丙", minutes=1)
        for writer in writers:
            writer.communicate("")
        entries = entries_of(record)
        assert [entry.number for entry in entries] == list(range(1, 101))
        assert sorted((entry.course, entry.minutes) for entry in entries if entry.course != "丙") == sorted(
            (name, minutes) for name in ("甲", "乙") for minutes in range(1, 41))
        check_against(Counted(entries), record, NOON.date())
    with StudyRecord.open(tmp_path) as record:
        assert entries_of(record) == entries and not record.notes


def test_threads_of_one_process_lose_nothing(tmp_path: Path) -> None:
    with StudyRecord.open(tmp_path) as record:
        def write_and_read() -> None:
            for _ in range(15):
                record.log(SESSION, NOON, minutes=1)
                record.ask("SELECT sum(minutes) FROM day")

        threads = [threading.Thread(target=write_and_read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [entry.number for entry in entries_of(record)] == list(range(1, 61))


@pytest.mark.parametrize("moment", [0.0, 0.003, 0.01, 0.02, 0.04, 0.07])
def test_a_killed_process_keeps_every_entry_it_told_of(tmp_path: Path, moment: float) -> None:
    """In a record that is used for the whole time by another process, and by none."""
    for in_company in (False, True):
        folder = tmp_path / str(in_company)
        other = StudyRecord.open(folder) if in_company else None
        writer = write(folder, "甲", 10_000)
        told = [writer.stdout.readline()]
        time.sleep(moment)
        os.kill(writer.pid, signal.SIGKILL)
        told += writer.stdout.read().splitlines()
        writer.wait()
        acknowledged = [line.split() for line in told if len(line.split()) == 2]
        if other:
            other.log(SESSION, NOON, course="乙", minutes=1)
            other.close()
        with StudyRecord.open(folder) as record:
            entries = [entry for entry in entries_of(record) if entry.course == "甲"]
            assert len(acknowledged) <= len(entries) <= len(acknowledged) + 1
            assert [entry.minutes for entry in entries] == list(range(1, len(entries) + 1))
            check_against(Counted(entries_of(record)), record, NOON.date())


def test_a_database_that_one_process_makes_again_is_read_by_the_other(tmp_path: Path) -> None:
    one, other = StudyRecord.open(tmp_path), StudyRecord.open(tmp_path)
    one.log(SESSION, NOON, minutes=1)
    (tmp_path / "study.db").write_bytes(b"gone" * 5000)
    one.log(SESSION, NOON, minutes=2)
    other.log(SESSION, NOON, minutes=4)
    for record in (one, other):
        assert record.ask("SELECT sum(minutes) FROM day") == [(7,)]
    assert [len(record.notes) for record in (one, other)] == [1, 0]
    one.close()
    other.close()
    with StudyRecord.open(tmp_path) as record:
        assert not record.notes


def test_who_leaves_first_leaves_the_seal_to_the_last(tmp_path: Path) -> None:
    first, last = StudyRecord.open(tmp_path), StudyRecord.open(tmp_path)
    first.log(SESSION, NOON, minutes=1)
    first.close()
    last.log(SESSION, NOON, minutes=2)
    last.close()
    with StudyRecord.open(tmp_path) as record:
        assert not record.notes and len(entries_of(record)) == 2
