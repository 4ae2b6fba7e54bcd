"""The conversation in a terminal: its commands, what it survives, what it prints and what it keeps."""

from __future__ import annotations

import io
import json
import os
import readline
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.cli import main
from pipeline.edge.assistant.ratings import Consent, Ratings
from pipeline.edge.assistant.shown import note, shown, shown_json
from tests.assistant.students import CARD, COMPLEX, RESOURCE, files, workspace
from tests.gateway.conftest import running, stand_in

__all__ = ["running", "stand_in"]
ACTING = {"\x1b", "\x07", "\u202e", "\x9b"}


@pytest.fixture(scope="module")
def me(tmp_path_factory, running):  # noqa: F811
    return workspace(tmp_path_factory.mktemp("terminal") / "me", url=running.url, model="m")


@pytest.fixture
def talk(me, monkeypatch, capsys):
    """Lines in, (exit code, stdout, stderr) out."""
    def run(*lines: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(lines)))
        return main(["assistant", "--workspace", str(me.root)]), *capsys.readouterr()
    return run


def test_a_conversation_goes_on_whatever_is_typed(talk):
    code, out, err = talk("/rate", "/cloud", "/help", "/nothing", "/local", "x" * 5000, "\x1b[2J", "", CARD, "/quit", RESOURCE)
    assert code == 0 and "还没有问过问题" in out and "/help 看用法" in out and "没有 /nothing 这个命令" in out
    assert "伏特每米" in out and "课件 高斯定理.md" not in out  # what is typed after /quit is not read
    assert "1 to 4000 characters" in err and "[设备]" in err


def test_the_cloud_is_asked_when_the_student_says_so_and_never_for_local(talk, stand_in):  # noqa: F811
    _, out, err = talk(f"/local {COMPLEX}")
    assert stand_in.memory.received == b"" and "没有发往云端" in out
    _, out, err = talk(CARD, "/cloud")
    assert stand_in.memory.questions[0].startswith(CARD) and "[云端]" in err and "云端替身" in out


def test_what_was_opened_is_closed(talk, me):
    for _ in range(2):
        talk("今天学了20分钟电磁学")
    assert not [*me.record.glob("*damaged*"), *me.root.glob("data/*-wal")] and (me.record / "study.seal").exists()  # written by closing


def test_a_rating_is_of_the_last_answer(talk, me):
    _, _, err = talk(CARD, "/rate")
    assert "--agree" in err  # nobody sits at the terminal
    Ratings(me.ratings).agree(Consent(True))
    assert main(["assistant", "rate", "--stars", "4", "--workspace", str(me.root)]) == 0
    assert main(["assistant", "--workspace", str(me.root), "rate", "--stars", "9"]) == 2
    assert [rating.stars for rating in Ratings(me.ratings).read()] == [4]


def test_the_log_keeps_the_question_only_where_the_settings_say_so(tmp_path, talk, me):
    talk(CARD + "密")
    assert "密" not in me.log.read_text(encoding="utf-8")
    other = workspace(tmp_path / "me")
    (other.root / "assistant.yaml").write_text("log_questions: true\n")
    assert main(["assistant", "ask", CARD, "--workspace", str(other.root)]) == 0
    assert json.loads(other.log.read_text(encoding="utf-8"))["question"] == CARD


class Keyboard(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("kept", [False, True])
def test_what_was_typed_is_kept_only_where_the_settings_say_so_and_for_its_owner(tmp_path, monkeypatch, kept):
    me, modes = workspace(tmp_path / "me"), []
    (me.root / "assistant.yaml").write_text(f"log_questions: {str(kept).lower()}\n")

    def write(file: Path) -> None:  # as libedit does: a new file gets the mode that the umask leaves
        with Path(file).open("w") as opened:
            modes.append(Path(file).stat().st_mode & 0o777)
            opened.write(CARD)

    monkeypatch.setattr(readline, "write_history_file", write)
    monkeypatch.setattr(sys, "stdin", Keyboard(f"{CARD}\n/quit\n"))
    umask = os.umask(0)
    try:
        assert main(["assistant", "--workspace", str(me.root)]) == 0
    finally:
        os.umask(umask)
    assert modes == [0o600] * kept and (me.root / "data" / "history").exists() is kept


def test_a_log_that_cannot_be_written_keeps_nobody_from_an_answer(tmp_path, capsys):
    me = workspace(tmp_path / "me")
    me.log.mkdir()
    assert main(["assistant", "ask", CARD, "--workspace", str(me.root)]) == 0 and "伏特每米" in capsys.readouterr().out


def test_a_file_cannot_write_on_the_terminal(tmp_path, capsys):
    me = workspace(tmp_path / "me")
    path = tmp_path / "courses" / "电磁学" / "第03章 静电场" / "课件.md"
    files(tmp_path / "courses", "")
    path.write_text("# 电场\n电势 \x1b[31m\x1b]0;evil\x07\u202e红\x9b2J\n", encoding="utf-8")
    assert main(["assistant", "import", str(tmp_path / "courses"), "--workspace", str(me.root)]) == 0
    assert main(["assistant", "ask", "电势的课件在哪", "--workspace", str(me.root)]) == 0
    out = capsys.readouterr().out
    assert "课件.md" in out and not ACTING & set(out)


def test_json_cannot_write_on_the_terminal_either(tmp_path, capsys):
    me = workspace(tmp_path / "me")
    (me.root / "cards.yaml").write_text(r'cards: [{term: 场强, facts: {unit: "伏特\x1b[2J\x9b2J\u202e每米"}}]', encoding="utf-8")
    assert main(["assistant", "ask", CARD, "--json", "--workspace", str(me.root)]) == 0
    out = capsys.readouterr().out
    assert "伏特\x1b[2J\x9b2J\u202e每米" in json.loads(out)["answer"] and not ACTING & set(out)


def test_a_file_s_name_cannot_write_on_the_terminal(tmp_path, capsys, monkeypatch):
    me = workspace(tmp_path / "me")
    name = "课件\x1b[2J\x9b2J\u202e.pdf"
    (tmp_path / "courses" / "电磁学").mkdir(parents=True)
    (tmp_path / "courses" / "电磁学" / name).write_bytes(b"no PDF")
    assert main(["assistant", "import", str(tmp_path / "courses"), "--workspace", str(me.root)]) == 0
    out = capsys.readouterr().out
    assert "1 skipped" in out and "课件" in out and not ACTING & set(out)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    note(f"{name}\n{name}")
    line, = capsys.readouterr().err.splitlines()
    assert "课件" in line and not ACTING & set(line)


@given(st.text())
@example("\ud800")
def test_json_is_shown_whole_without_such_characters(text):
    said = shown_json({"answer": text})
    assert json.loads(said) == {"answer": text} and shown(said, kept="") == said


@given(st.text())
def test_what_is_shown_holds_no_control_character_and_loses_nothing_else(text):
    kept = shown(text)
    assert kept.isprintable() or not any(ord(character) < 32 and character not in "\n\t" for character in kept)
    assert all(character in kept for character in text if character.isalnum())


@pytest.mark.parametrize(("arguments", "word"), [
    (["import", "nowhere"], "nowhere"), (["import", "assistant.yaml"], "assistant.yaml"),
    (["deploy", "--model", "x", "--decision", "y"], "x")])
def test_what_cannot_work_is_one_line(me, arguments, word, capsys, monkeypatch):
    monkeypatch.chdir(me.root)
    assert main(["assistant", *arguments]) == 2
    line, = capsys.readouterr().err.splitlines()
    assert line.startswith("edge: ") and word in line


def test_a_damaged_index_is_made_anew_and_the_record_stays(tmp_path, capsys):
    me = workspace(tmp_path / "me")
    assert main(["assistant", "ask", "今天学了40分钟电磁学", "--workspace", str(me.root)]) == 0
    for file in (me.index, me.record / "study.db"):
        file.write_bytes(b"\0" * 5000)
    for leftover in (*me.root.glob("data/*-wal"), *me.root.glob("data/*-shm")):
        leftover.unlink()
    capsys.readouterr()
    assert main(["assistant", "ask", RESOURCE, "--workspace", str(me.root)]) == 0
    assert main(["assistant", "ask", "我这周电磁学学了多久几分钟", "--workspace", str(me.root)]) == 0
    out = capsys.readouterr().out
    assert "课件 高斯定理.md" in out and "40" in out
