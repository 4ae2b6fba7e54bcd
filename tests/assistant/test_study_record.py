"""The study record says what its entries amount to, and survives whatever happens to its files."""

from __future__ import annotations

import os
import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.edge.assistant.record import database
from pipeline.edge.assistant.record.entry import CHAPTER, EXERCISE, SESSION, UNDO, WEAK, Entry, entry_of
from pipeline.edge.assistant.record.journal import Journal
from pipeline.edge.assistant.record.study import StudyRecord
from pipeline.errors import EdgeError
from pipeline.measure.student import Counted, history
from tests.assistant.study import NOON, act, acts, check_against, content, flip

PLAN = [
    (SESSION, 1, {"course": "线性代数", "minutes": 40}), (EXERCISE, 2, {"course": "电磁学", "topic": "高斯定理", "total": 9, "right": 4}),
    (CHAPTER, 30, {"course": "电磁学", "chapter": 2}), (WEAK, 1, {"topic": "极限"}), (UNDO, 1, {}), (WEAK, 5, {"topic": "电势"}),
    (EXERCISE, 50, {"course": "电磁学", "topic": "高斯定理", "total": 9, "right": 9}),
]
quick = settings(deadline=None, max_examples=40)


TWO_TAKEN_BACK = [*PLAN, (UNDO, 1, {}), (UNDO, 0, {}), (WEAK, 1, {"topic": "极限", "course": "电磁学"}), (UNDO, 0, {})]
SEVERAL_DUE = [(WEAK, 1, {"topic": topic}) for topic in ("极限", "高斯定理", "电势")]


@quick
@example(TWO_TAKEN_BACK, 3)
@example(SEVERAL_DUE, 1)
@given(st.lists(acts, max_size=25), st.integers(0, 40))
def test_it_says_what_the_entries_amount_to(plan: list[tuple], later: int) -> None:
    with TemporaryDirectory() as folder:
        with StudyRecord.open(Path(folder)) as record:
            entries = act(record, plan)
            today = NOON.date() + timedelta(later)
            check_against(Counted(entries), record, today)
            before = content(record)
        with StudyRecord.open(Path(folder)) as record:
            assert content(record) == before and not record.notes


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[tuple]]]:
    """A record that was closed, with a backup that lacks its second half; what it holds."""
    folder = tmp_path_factory.mktemp("kept")
    with StudyRecord.open(folder) as record:
        act(record, PLAN)
        record.extend(history(60, seed=3))
        return folder, content(record)


@pytest.fixture
def copied(kept: tuple[Path, dict], tmp_path: Path) -> Path:
    shutil.copytree(kept[0], tmp_path / "record")
    return tmp_path / "record"


@quick
@given(place=st.integers(0, 10**6), mask=st.integers(1, 255))
def test_a_database_with_any_byte_changed_is_made_as_it_was(kept: tuple[Path, dict], place: int, mask: int) -> None:
    with TemporaryDirectory() as scratch:
        folder = Path(shutil.copytree(kept[0], Path(scratch) / "record"))
        flip(folder / "study.db", place, mask)
        with StudyRecord.open(folder) as record:
            assert content(record) == kept[1] and "made again" in record.notes[0]
        with StudyRecord.open(folder) as record:
            assert content(record) == kept[1] and not record.notes


def _foreign(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE entry(a)")
    other.close()


def _of_another_version(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()


RUINS = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: os.truncate(path, 5000),
    "text": lambda path: path.write_text("not a database, but long enough to look at " * 999),
    "foreign": _foreign,
    "another version": _of_another_version,
    "a broken link": lambda path: (path.unlink(), path.symlink_to("nowhere")),
}


@pytest.mark.parametrize("ruin", RUINS)
@pytest.mark.parametrize("backup", ["whole", "damaged", "unsealed", "none"])
def test_a_ruined_database_is_made_as_it_was_whatever_the_backup(copied: Path, kept: tuple[Path, dict], ruin: str, backup: str) -> None:
    saved = next((copied / "backup").glob("*.db"))
    if backup == "damaged":
        flip(saved, 4200, 8)
    elif backup == "unsealed":
        saved.with_suffix(".seal").unlink()
    elif backup == "none":
        shutil.rmtree(copied / "backup")
    RUINS[ruin](copied / "study.db")
    with StudyRecord.open(copied) as record:
        assert content(record) == kept[1]
        assert (saved.name in record.notes[0]) == (backup == "whole")


@pytest.mark.parametrize("ruin", RUINS)
def test_a_database_ruined_while_open_is_made_again_at_the_first_error(copied: Path, kept: tuple[Path, dict], ruin: str) -> None:
    with StudyRecord.open(copied) as record:
        path = copied / "study.db"
        RUINS[ruin](path)
        entry = record.log(SESSION, NOON, minutes=5)
        assert entry.number == len(kept[1]["entry"]) + 1
        assert content(record)["entry"][:-1] == kept[1]["entry"]


@quick
@given(cut=st.integers(0, 10**6))
def test_a_journal_cut_short_loses_nothing_while_the_database_is_whole(kept: tuple[Path, dict], cut: int) -> None:
    with TemporaryDirectory() as scratch:
        folder = Path(shutil.copytree(kept[0], Path(scratch) / "record"))
        journal = folder / "journal.jsonl"
        whole = journal.read_bytes()
        os.truncate(journal, cut % len(whole))
        with StudyRecord.open(folder) as record:
            assert content(record) == kept[1]
        assert journal.read_bytes() == whole


@quick
@example(cut=-1)  # the last line lacks its line feed only
@given(cut=st.integers(0, 10**6))
def test_with_only_a_journal_cut_short_all_whole_lines_are_there(kept: tuple[Path, dict], cut: int) -> None:
    whole = (kept[0] / "journal.jsonl").read_bytes()
    kept_bytes = whole[:cut % len(whole)]
    with TemporaryDirectory() as folder:
        (Path(folder) / "journal.jsonl").write_bytes(kept_bytes)
        lines = kept_bytes.count(b"\n") + (entry_of(kept_bytes.rpartition(b"\n")[2]) is not None)
        with StudyRecord.open(Path(folder)) as record:
            assert len(content(record)["entry"]) == lines
            assert record.log(SESSION, NOON, minutes=1).number == lines + 1
        os.unlink(Path(folder) / "study.db")
        shutil.rmtree(Path(folder) / "backup")
        with StudyRecord.open(Path(folder)) as record:
            assert len(content(record)["entry"]) == lines + 1


@quick
@given(place=st.integers(0, 10**6), mask=st.integers(1, 255))
def test_a_damaged_line_costs_itself_at_most_and_is_named(kept: tuple[Path, dict], place: int, mask: int) -> None:
    """With nothing but the journal left; a line feed made or lost touches two lines."""
    with TemporaryDirectory() as folder:
        journal = Path(shutil.copy(kept[0] / "journal.jsonl", folder))
        before = [Entry(*row[:10]) for row in kept[1]["entry"]]
        flip(journal, place, mask)
        with StudyRecord.open(Path(folder)) as record:
            found = [Entry(*row[:10]) for row in content(record)["entry"]]
            assert set(found) <= set(before) and len(found) >= len(before) - 2
            assert len(found) == len(before) or any("was left out" in note for note in record.notes) or found == before[:len(found)]


def test_a_line_damaged_after_the_backup_is_taken_from_the_ruined_database(copied: Path, kept: tuple[Path, dict]) -> None:
    journal, database = copied / "journal.jsonl", copied / "study.db"
    flip(journal, journal.stat().st_size // 2, 1)
    flip(database, database.read_bytes().index(b"SQLite") + 24, 1)  # the file change counter: harmless, but no longer what was sealed
    with StudyRecord.open(copied) as record:
        assert content(record) == kept[1] and any("was left out" in note for note in record.notes)
    assert journal.read_bytes() == (kept[0] / "journal.jsonl").read_bytes()


def test_what_a_killed_process_left_in_the_journal_is_read_before_the_next_entry(copied: Path, kept: tuple[Path, dict]) -> None:
    count = len(kept[1]["entry"])
    with StudyRecord.open(copied) as record:
        Journal(copied / "journal.jsonl").append([Entry(count + 1, NOON.isoformat(), SESSION, minutes=7)])
        assert record.log(SESSION, NOON, minutes=8).number == count + 2
        assert [row[6] for row in content(record)["entry"][count:]] == [7, 8]


def test_a_journal_that_is_long_enough_but_another_is_put_right(copied: Path, kept: tuple[Path, dict]) -> None:
    journal, count = copied / "journal.jsonl", len(kept[1]["entry"])
    lines = journal.read_bytes().splitlines(keepends=True)
    later = [Entry(number, NOON.isoformat(), SESSION, minutes=9) for number in range(count + 1, count + 9)]
    journal.write_bytes(b"".join([*lines[:2], *lines[3:], *(entry.line() for entry in later)]))
    with StudyRecord.open(copied) as record:
        entries = content(record)["entry"]
        assert entries[:count] == kept[1]["entry"] and [Entry(*row[:10]) for row in entries[count:]] == later
    assert journal.read_bytes() == b"".join([*lines, *(entry.line() for entry in later)])


def test_a_backup_a_day_and_no_more_than_three(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.edge.assistant.record import safe

    with StudyRecord.open(tmp_path) as record:
        for day in range(1, 6):
            monkeypatch.setattr(safe, "date", type("Fixed", (), {"today": staticmethod(lambda day=day: NOON.date() + timedelta(day))}))
            record.log(SESSION, NOON, minutes=1)
            record.log(SESSION, NOON, minutes=1)
    names = sorted(path.name for path in (tmp_path / "backup").iterdir())
    assert names == [f"study-2026-{day}.{ending}" for day in ("03-01", "03-02", "03-03") for ending in ("db", "seal")]


@pytest.mark.parametrize("said", [{"minutes": -1}, {"minutes": 10**9}, {"minutes": 1.5}, {"minutes": True}, {"course": "课" * 201},
                                  {"course": None}, {"total": 3, "right": 4}, {"topic": b"x"}])
def test_what_cannot_be_is_refused_in_one_line_and_not_recorded(tmp_path: Path, said: dict) -> None:
    with StudyRecord.open(tmp_path) as record:
        with pytest.raises(EdgeError, match="expected .* found .*; correct it"):
            record.log(SESSION, NOON, **said)
        assert record.log(SESSION, NOON, minutes=1).number == 1


def test_half_a_character_is_recorded_as_a_mark(tmp_path: Path) -> None:
    with StudyRecord.open(tmp_path) as record:
        assert record.log(WEAK, NOON, topic="极\ud83d限\0").topic == "极?限\0"


def test_a_record_that_was_closed_says_so(tmp_path: Path) -> None:
    record = StudyRecord.open(tmp_path)
    for _ in range(2):
        record.close()
    with pytest.raises(EdgeError, match="found one that was closed; open it again"):
        record.log(SESSION, NOON, minutes=1)


def test_what_is_recorded_stays_so_when_the_backup_fails(tmp_path: Path) -> None:
    (tmp_path / "backup").write_text("in the way")
    with StudyRecord.open(tmp_path) as record:
        assert record.log(SESSION, NOON, minutes=1).number == 1
    with StudyRecord.open(tmp_path) as record:
        assert len(content(record)["entry"]) == 1


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "record").write_text("")
    with pytest.raises(EdgeError, match="expected a folder .*; free space or check the folder"):
        StudyRecord.open(tmp_path / "record")


def test_what_the_disk_refuses_is_not_recorded(copied: Path, kept: tuple[Path, dict], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with StudyRecord.open(copied) as record:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(EdgeError, match="No space left"):
                record.log(SESSION, NOON, minutes=1)
        assert content(record) == kept[1]
    assert (copied / "journal.jsonl").read_bytes() == (kept[0] / "journal.jsonl").read_bytes()


def test_what_the_database_refuses_is_recorded_all_the_same(copied: Path, kept: tuple[Path, dict], monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal has it: told as not done it would be said, and counted, twice."""
    monkeypatch.setattr(database, "WAIT", 0.1)
    count = len(kept[1]["entry"])
    with StudyRecord.open(copied) as record:
        other = sqlite3.connect(copied / "study.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert record.log(SESSION, NOON, minutes=7).number == count + 1
        with pytest.raises(EdgeError, match="database is locked"):
            content(record)  # rather than an answer without it
        other.execute("ROLLBACK")
        other.close()
        assert [row[6] for row in content(record)["entry"][count:]] == [7]
        assert record.log(SESSION, NOON, minutes=8).number == count + 2
    with StudyRecord.open(copied) as record:
        assert [row[6] for row in content(record)["entry"][count:]] == [7, 8]
