"""A folder of course files is indexed in one step, again at little cost, and whatever interrupts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.edge.assistant.library import importing
from pipeline.edge.assistant.library.documents import FORMATS
from pipeline.edge.assistant.library.filing import chapter_of, course_of, kind_of
from pipeline.edge.assistant.library.importing import import_folder, open_library
from pipeline.edge.assistant.library.index import Index
from pipeline.edge.assistant.library.reading import Contents, Limits, Reader
from pipeline.edge.assistant.library.watch import watch
from pipeline.errors import EdgeError
from tests.assistant.course_files import make_docx, make_pdf, make_pptx

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    chapter = tmp_path / "courses" / "电磁学" / "第01章 静电场"
    make_pdf(chapter / "讲义.pdf", ["库仑定律", "高斯定理"])
    make_pptx(chapter / "课件.pptx", [("电势", "电势差")])
    make_docx(chapter / "实验.docx", [("目的", "测电阻")])
    (chapter.parent / "大纲.md").write_text("# 学时\n共48学时")
    return tmp_path / "courses"


@pytest.fixture
def index(tmp_path: Path) -> Index:
    with Index.open(tmp_path / "i.db") as opened:
        yield opened


@pytest.fixture
def read_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that a reader is asked for."""
    names = list[str]()

    def read(reader: Reader, path: Path, ordinary=Reader.read) -> Contents:
        names.append(path.name)
        return ordinary(reader, path)

    monkeypatch.setattr(Reader, "read", read)
    return names


def files(index: Index) -> list[tuple[str, str, int, str]]:
    return index.read("SELECT path, c.name, chapter, kind FROM resources JOIN courses c ON c.id = course ORDER BY path")


def passages(index: Index) -> list[tuple[str, str, str]]:
    return index.read("SELECT path, place, text FROM passages JOIN resources r ON r.id = resource ORDER BY path, passages.id")


def test_a_folder_is_indexed_by_course_chapter_and_kind(index: Index, folder: Path) -> None:
    done = import_folder(index, folder)
    assert (done.added, done.skipped, done.left_out) == (4, [], [])
    chapter = "电磁学/第01章 静电场"
    assert files(index) == [("电磁学/大纲.md", "电磁学", 0, "syllabus"), (f"{chapter}/实验.docx", "电磁学", 1, "lab"),
                            (f"{chapter}/讲义.pdf", "电磁学", 1, "notes"), (f"{chapter}/课件.pptx", "电磁学", 1, "slides")]
    assert (f"{chapter}/讲义.pdf", "第2页", "高斯定理") in passages(index)


def test_only_what_is_new_or_changed_is_read(index: Index, folder: Path, read_files: list[str]) -> None:
    import_folder(index, folder)
    assert len(read_files) == 4
    chapter = folder / "电磁学" / "第01章 静电场"
    os.utime(chapter / "实验.docx")  # touched, not changed
    (folder / "电磁学" / "大纲.md").write_text("# 学时\n共64学时，含实验")
    (chapter / "讲义.pdf").rename(folder / "电磁学" / "第2章讲义.pdf")  # moved
    make_pdf(chapter / "习题.pdf", ["第一题"])
    (chapter / "课件.pptx").unlink()
    read_files.clear()
    done = import_folder(index, folder)
    assert sorted(read_files) == ["习题.pdf", "大纲.md"]
    assert (done.added, done.changed, done.unchanged, done.removed) == (2, 2, 0, 2)
    with Index.open(index.path.with_name("fresh.db")) as fresh:
        import_folder(fresh, folder)
        assert (files(index), passages(index)) == (files(fresh), passages(fresh))


def test_what_cannot_be_read_is_named_and_skipped_and_not_tried_again(index: Index, folder: Path, read_files: list[str]) -> None:
    make_pdf(folder / "电磁学" / "密.pdf", ["秘密"], password="x")
    (folder / "电磁学" / "坏.pptx").write_bytes(b"PK")
    first = import_folder(index, folder)
    assert first.added == 4 and [line.partition(":")[0] for line in first.skipped] == ["电磁学/坏.pptx", "电磁学/密.pdf"]
    assert not any(str(folder) in line for line in first.skipped)
    read_files.clear()
    again = import_folder(index, folder)
    assert read_files == [] and again.skipped == first.skipped and again.unchanged == 4
    make_pdf(folder / "电磁学" / "密.pdf", ["不再秘密"])
    (folder / "电磁学" / "坏.pptx").unlink()
    assert import_folder(index, folder).skipped == [] and ("电磁学/密.pdf", "第1页", "不再秘密") in passages(index)
    (folder / "电磁学" / "密.pdf").write_bytes(b"%PDF-")  # and spoilt: what it said is forgotten
    assert len(import_folder(index, folder).skipped) == 1 and "电磁学/密.pdf" not in {path for path, *_ in files(index)}


def test_links_out_pipes_and_hidden_files_are_left_alone(index: Index, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "private.md").write_text("密码")
    course = folder / "电磁学"
    (course / "出.md").symlink_to(tmp_path / "private.md")
    (course / "全部").symlink_to(tmp_path)
    (course / "圈").symlink_to(course)
    (course / "断.md").symlink_to(course / "none.md")
    (course / "内.md").symlink_to(course / "大纲.md")
    (course / ".藏.md").write_text("x")
    (course / "~$课件.pptx").write_text("x")
    os.mkfifo(course / "管.md")
    (course / "夹.md").mkdir()
    (Path(os.fsencode(course).decode("utf-8", "surrogateescape")) / b"\xff.md".decode("utf-8", "surrogateescape")).write_text("x")
    done = import_folder(index, folder)
    assert done.added == 5 and "密码" not in str(passages(index))
    assert sorted(line.split(":")[0] for line in done.skipped) == sorted(
        ["电磁学/出.md", "电磁学/断.md", "电磁学/管.md", "电磁学/\\udcff.md"])


def test_a_name_that_would_write_on_the_terminal_is_shown_escaped_and_skipped(index: Index, folder: Path) -> None:
    course = folder / "电磁学"
    (course / "行\n· 伪造.md").write_text("x")
    (course / "清\x1b[2J").mkdir()
    (course / "清\x1b[2J" / "a.md").write_text("x")
    (course / "反\u202efdp.md").write_text("x")
    (course / "全　角 é 👩‍🎓.md").write_text("x")
    done = import_folder(index, folder)
    assert done.added == 5 and [line.split(":")[0] for line in done.skipped] == [
        "电磁学/反\\u202efdp.md", "电磁学/清\\x1b[2J/a.md", "电磁学/行\\n· 伪造.md"]
    with pytest.raises(EdgeError, match=r"清\\x1b\[2J: expected a folder whose name can be shown"):
        import_folder(index, course / "清\x1b[2J")


@pytest.mark.parametrize("name", ["片.txt", "片.pdf", "片.docx"])
def test_a_terabyte_stalls_no_import(index: Index, folder: Path, hurry: None, name: str) -> None:
    (folder / "电磁学" / name).touch()
    os.truncate(folder / "电磁学" / name, 1 << 40)
    done = import_folder(index, folder, Limits(seconds=2))
    assert done.added == 4 and [line.split(":")[0] for line in done.skipped] == [f"电磁学/{name}"]


@pytest.fixture
def hurry() -> Iterator[None]:
    """A test that takes longer than 20 s fails."""
    before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it stalls"))
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def test_a_missing_folder_forgets_nothing(index: Index, folder: Path) -> None:
    import_folder(index, folder)
    with pytest.raises(EdgeError, match="expected a folder of course files"):
        import_folder(index, folder / "none")
    folder.rename(folder.with_name("unplugged"))
    with pytest.raises(EdgeError, match="expected a folder of course files"):
        import_folder(index, folder)
    assert len(files(index)) == 4


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.dictionaries(st.tuples(st.text("第三章课件a .", min_size=1, max_size=5), st.sampled_from(sorted(FORMATS))),
                            st.binary(max_size=80), max_size=4))
def test_any_bytes_under_any_name_never_end_an_import(tmp_path_factory: pytest.TempPathFactory, index: Index, shared_reader: None,
                                                      data: dict[tuple[str, str], bytes]) -> None:
    folder = tmp_path_factory.mktemp("any")
    for (stem, suffix), content in data.items():
        (folder / f"x{stem}{suffix}").write_bytes(content)
    done = import_folder(index, folder)
    assert done.added + len(done.skipped) == len(data)


@pytest.fixture
def shared_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """One reader for all imports of a test: to start its process takes longest."""
    with Reader() as reader:
        monkeypatch.setattr(importing, "Reader", lambda limits: _Kept(reader))
        yield


class _Kept:
    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def __enter__(self) -> Reader:
        return self.reader

    def __exit__(self, *failure: object) -> None:
        pass


KILLED = """
import sys
from pathlib import Path
from pipeline.edge.assistant.library import importing
from pipeline.edge.assistant.library.index import Index
importing.BATCH = 5
print("begun", flush=True)
importing.import_folder(Index.open(Path(sys.argv[1])), Path(sys.argv[2]))
"""


def test_a_killed_import_goes_on_from_there(tmp_path: Path, read_files: list[str]) -> None:
    folder = tmp_path / "courses" / "课"
    folder.mkdir(parents=True)
    for number in range(300):
        (folder / f"{number:03}.md").write_text(f"第{number}个文件")
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "i.db"), str(folder.parent)], stdout=subprocess.PIPE,
                             env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert child.stdout.readline() == b"begun\n"
    with Index.open(tmp_path / "i.db") as index:
        while not (committed := len(files(index))):
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        committed = len(files(index))
        assert 0 < committed < 300 and committed % 5 == 0
        done = import_folder(index, folder.parent)
        assert (done.added, done.unchanged) == (300 - committed, committed) and len(read_files) == 300 - committed
        assert [text for *_, text in passages(index)] == [f"第{number}个文件" for number in range(300)]


def test_a_lost_index_is_made_anew_from_the_folders(tmp_path: Path, folder: Path) -> None:
    told = list[str]()
    with open_library(tmp_path / "i.db", told.append) as index:
        import_folder(index, folder)
        before = passages(index)
    assert told == []
    (tmp_path / "i.db").write_bytes(b"spoilt" * 999)
    with open_library(tmp_path / "i.db", told.append) as index:
        assert passages(index) == before
    assert len(told) == 2 and "damage" in told[0] and "indexed again, 4 files" in told[1]


def test_a_rebuild_that_was_interrupted_goes_on_when_the_index_is_opened_again(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_pdf(tmp_path / "more" / "热学" / "讲义.pdf", ["熵"])
    with Index.open(tmp_path / "i.db") as index:
        import_folder(index, folder)
        import_folder(index, tmp_path / "more")
        before = passages(index)
    (tmp_path / "i.db").unlink()
    monkeypatch.setattr(importing, "BATCH", 1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Reader, "read", _interrupted_at("讲义.pdf"))
        open_library(tmp_path / "i.db", str)
    with Index.open(tmp_path / "i.db") as index:
        assert 0 < len(files(index)) < 4
    told = list[str]()
    with open_library(tmp_path / "i.db", told.append) as index:
        assert passages(index) == before
    assert [line.partition(": ")[2] for line in told] == ["indexed again, 2 files", "indexed again, 1 files"]
    with open_library(tmp_path / "i.db", told.append):
        assert len(told) == 2


def _interrupted_at(name: str) -> Callable[[Reader, Path], Contents]:
    def read(reader: Reader, path: Path, ordinary=Reader.read) -> Contents:
        if path.name == name:
            raise KeyboardInterrupt
        return ordinary(reader, path)
    return read


def test_who_opens_while_another_imports_waits_for_nothing(tmp_path: Path, folder: Path, hurry: None) -> None:
    told = list[str]()
    with Index.open(tmp_path / "i.db") as index:
        importing._remember(index.path, str(folder))
        with importing._alone(index), open_library(tmp_path / "i.db", told.append) as other:
            assert files(other) == []
    assert len(told) == 1 and "another program is still indexing it" in told[0]


def test_a_huge_file_says_what_of_it_is_left_out(index: Index, folder: Path) -> None:
    (folder / "电磁学" / "长.txt").write_text("字" * 50_000)
    done = import_folder(index, folder, Limits(characters=3000))
    assert done.added == 5 and done.left_out == ["电磁学/长.txt: what stands behind the first 3,000 characters"]


def test_changes_are_indexed_while_it_watches_and_it_ends_when_told(index: Index, folder: Path) -> None:
    stop = threading.Event()
    watching = watch(index, folder, stop)
    assert next(watching).added == 4
    threading.Timer(0.3, lambda: (folder / "电磁学" / "新.md").write_text("新的")).start()
    assert next(watching).added == 1 and ("电磁学/新.md", "", "新的") in passages(index)
    threading.Timer(0.1, stop.set).start()
    assert list(watching) == []


def test_what_changes_during_the_first_import_is_indexed_too(index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(reader: Reader, path: Path, ordinary=Reader.read) -> Contents:
        (folder / "电磁学" / "新.md").write_text("新的")
        return ordinary(reader, path)

    stop = threading.Event()
    watching = watch(index, folder, stop)
    with monkeypatch.context() as patch:
        patch.setattr(Reader, "read", read)
        assert next(watching).added == 4
    threading.Timer(10, stop.set).start()
    assert next(watching, None) and ("电磁学/新.md", "", "新的") in passages(index)
    stop.set()


def test_a_folder_that_is_gone_is_not_watched(index: Index, tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="expected a folder of course files, found"):
        next(watch(index, tmp_path / "none"))


def test_a_system_that_watches_no_more_folders_is_told(index: Index, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> Iterator[set[object]]:
        raise OSError("OS file watch limit reached")
        yield

    monkeypatch.setattr("watchfiles.watch", full)
    with pytest.raises(EdgeError, match="expected a folder of course files to watch, found OS file watch limit reached"):
        next(watch(index, folder))


@pytest.mark.parametrize(("path", "course", "chapter", "kind"), [
    ("电磁学/第03章 静电场/讲义.pdf", "电磁学", 3, "notes"),
    ("电磁学/第十二章/习题/答案.pdf", "电磁学", 12, "exercises"),
    ("电磁学/期末真题.pdf", "电磁学", 0, "exam"),
    ("Physics/ch3 slides.pdf", "Physics", 3, "slides"),
    ("第3章 静电场/a.pptx", "我的课", 3, "slides"),
    ("大纲.md", "我的课", 0, "syllabus"),
    ("电磁学/第2章/label.md", "电磁学", 2, "notes"),
    ("实验物理/第2章/作业.md", "实验物理", 2, "exercises"),
    ("实验物理/第2章 实验设计/a.md", "实验物理", 2, "notes"),
    ("电磁学/第2章/Lab 3/a.md", "电磁学", 2, "lab"),
])
def test_the_path_says_what_a_file_is(path: str, course: str, chapter: int, kind: str) -> None:
    place = importing.PurePosixPath(path)
    assert (course_of(place, "我的课"), chapter_of(place), kind_of(place)) == (course, chapter, kind)
