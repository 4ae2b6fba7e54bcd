"""The index holds what was added and nothing else, survives damage, and answers as a fresh one would."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.assistant.resource import KINDS, Resource
from pipeline.edge.assistant.library import search
from pipeline.edge.assistant.library.database import inode_of, set_aside
from pipeline.edge.assistant.library.finding import Request, facets_of, find
from pipeline.edge.assistant.library.index import Index, kind_facet
from pipeline.edge.assistant.library.terms import asked_terms, terms
from pipeline.edge.assistant.named import CourseName
from pipeline.errors import EdgeError

WORDS = st.lists(st.sampled_from(["高斯定理", "库仑定律", "场强", "熵", "AB树", "3，é\n", " "]), max_size=3).map("".join)


@st.composite
def resources(draw: st.DrawFn) -> Resource:
    course, chapter, kind = draw(st.sampled_from(["电磁学", "高等数学", "Course"])), draw(st.integers(0, 3)), draw(st.sampled_from(KINDS))
    title = draw(st.sampled_from(["甲", "乙", "丙"]))
    path = f"{course}/第{chapter:02}章/{title}.pdf"
    return Resource(path, course, chapter, title, kind, (), tuple(draw(st.lists(WORDS, max_size=3))))


def by_path(drawn: list[Resource]) -> dict[str, Resource]:
    return {one.path: one for one in drawn}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    found = Path(tempfile.mkdtemp())
    yield found
    shutil.rmtree(found)


def opened(folder: Path) -> Index:
    """An empty one; a new file costs more than emptying the old."""
    index = Index.open(folder / "index.db")
    index.remove("", [path for path, in index.read("SELECT path FROM resources")])
    return index


def content(index: Index) -> dict[str, object]:
    """All that the index holds but its row numbers, and how many rows each term has, from FTS5's own lists."""
    vocabulary = sqlite3.connect(index.path)
    vocabulary.execute("CREATE VIRTUAL TABLE temp.words USING fts5vocab ('main', 'terms', 'row')")
    frequencies = {word: count for word, count in vocabulary.execute("SELECT term, doc FROM temp.words") if not word.startswith("§c")}
    vocabulary.close()
    rows = index.read("""SELECT r.path, c.name, r.chapter, r.kind, p.place, p.text FROM passages p JOIN resources r ON r.id = p.resource
                         JOIN courses c ON c.id = r.course ORDER BY 1, p.id""")
    return {"terms": frequencies, "rows": rows, "courses": index.courses()}


@settings(max_examples=40, deadline=None)
@given(kept=st.lists(resources(), max_size=5), passing=st.lists(resources(), max_size=5))
def test_adding_and_removing_leaves_the_index_as_it_was(folder: Path, kept: list[Resource], passing: list[Resource]) -> None:
    gone = [one for path, one in by_path(passing).items() if path not in by_path(kept)]
    with opened(folder) as index:
        index.add(by_path(kept).values())
        before = content(index)
        index.add(gone)
        assert index.remove("", [one.path for one in gone]) == len(gone)
        assert content(index) == before


@settings(max_examples=30, deadline=None)
@given(drawn=st.lists(resources(), max_size=6), again=st.lists(resources(), max_size=6))
def test_a_changed_index_is_a_fresh_one_of_what_is_there_now(folder: Path, drawn: list[Resource], again: list[Resource]) -> None:
    now = {**by_path(drawn), **by_path(again)}
    with opened(folder) as index:
        index.add(drawn)
        index.add(again)
        changed = content(index)
    with opened(folder) as index:
        index.add(now.values())
        assert {**changed, "rows": sorted(changed["rows"])} == {**content(index), "rows": sorted(content(index)["rows"])}


@settings(max_examples=50, deadline=None)
@given(data=st.data(), drawn=st.lists(resources(), min_size=2, max_size=8), limit=st.integers(1, 4))
def test_what_passes_the_filter_is_found_before_anything_else(
    folder: Path, data: st.DataObject, drawn: list[Resource], limit: int,
) -> None:
    """All that is stated of some file is a filter while a file passes it and holds one of the words; each file is found once."""
    meant, there = data.draw(st.sampled_from(drawn)), by_path(drawn).values()
    stated = {name: getattr(meant, name) for name in ("course", "chapter", "kind") if data.draw(st.booleans())}
    words = tuple(asked_terms(data.draw(st.sampled_from([*meant.text, "场强", ""]))))
    passing = {one.path for one in there if all(getattr(one, name) == value for name, value in stated.items())
               and (not words or any(holds(one, word) for word in words))}
    with opened(folder) as index:
        index.add(there)
        request = Request(**{"course": None, "chapter": None, "kind": None, **stated}, words=words)
        found = [one.path for one in find(index, request, limit)]
    assert len(found) == len(set(found)) <= limit
    if passing and (stated or words):
        assert set(found) <= passing and len(found) == min(limit, len(passing))


def holds(resource: Resource, word: str) -> bool:
    return word in set().union(*map(terms, (*resource.text, resource.title, resource.path)))


def test_a_single_character_is_found_wherever_it_stands(tmp_path: Path) -> None:
    with Index.open(tmp_path / "i.db") as index:
        texts = enumerate(["熵增原理", "求熵的值", "温度"])
        index.add([Resource(f"物理/{number}.md", "物理", 0, str(number), "notes", (), (text,)) for number, text in texts])
        assert {one.path for one in find(index, Request(None, None, None, ("熵",)), 5)} == {"物理/0.md", "物理/1.md"}


def test_courses_are_known_by_their_names_and_what_can_mean_no_other(tmp_path: Path) -> None:
    names = ["高等代数", "高等代理", "概率论与数理统计", "电磁学", "细胞生物学", "中国近代史", "无机化学", "AI"]
    with Index.open(tmp_path / "i.db") as index:
        index.add([Resource(f"{name}/a.md", name, 0, "a", "notes", (), ()) for name in names], [CourseName("电磁学", ("大物下",))])
        aliases = {course.name: course.aliases for course in index.courses()}
        assert aliases == {"高等代数": (), "高等代理": (), "细胞生物学": ("细生", "细胞生物"), "电磁学": ("大物下",),
                           "中国近代史": ("中代", "近代史"), "无机化学": ("无化",),
                           "概率论与数理统计": ("概统", "概率论", "数理统计"), "AI": ()}
        index.remove("", ["电磁学/a.md"])
        assert "电磁学" not in {course.name for course in index.courses()}


SOME = [Resource("物理/a.md", "物理", 0, "a", "notes", (), ("牛顿定律",))]


@pytest.mark.parametrize("spoil", [
    lambda file: file.write_bytes(b"no database at all" * 100),
    lambda file: file.write_bytes(file.read_bytes()[:5000]),
    lambda file: file.write_bytes(file.read_bytes()[:4096] + bytes(len(file.read_bytes()) - 4096)),
    lambda file: (file.unlink(), sqlite3.connect(file).executescript("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)")),
    lambda file: sqlite3.connect(file).executescript("PRAGMA user_version = 999"),
])
def test_a_spoilt_file_is_kept_aside_and_a_new_index_made(tmp_path: Path, spoil: object) -> None:
    file = tmp_path / "i.db"
    with Index.open(file) as index:
        index.add(SOME)
    spoil(file)
    spoilt = file.read_bytes()
    with Index.open(file) as index:
        assert "expected an index of version" in index.healed and "\n" not in index.healed
        assert (tmp_path / "i.db.damaged1").read_bytes() == spoilt
        assert index.courses() == () and index.add(SOME) == 1
    with Index.open(file) as index:
        assert index.healed == "" and [course.name for course in index.courses()] == ["物理"]


def test_damage_that_shows_later_is_told_and_the_next_index_is_new(tmp_path: Path) -> None:
    """Of the lists of terms, which no check of the file's pages sees."""
    file = tmp_path / "i.db"
    with Index.open(file) as index:
        index.add(SOME)
        with index.writing() as database:
            database.execute("UPDATE terms_data SET block = x'ffffffffffff' WHERE id > 10")
    with Index.open(file) as index, pytest.raises(EdgeError, match="import the folder again"):
        find(index, Request(None, None, None, ("牛顿",)), 5)
    with Index.open(file) as index:
        assert index.healed == "" and index.courses() == () and index.add(SOME) == 1
        assert find(index, Request(None, None, None, ("牛顿",)), 5)


def test_a_new_index_that_another_made_is_used_and_never_moved_away(tmp_path: Path) -> None:
    file, asked = tmp_path / "i.db", Request(None, None, None, ("牛顿",))
    with Index.open(file) as first, Index.open(file) as second:
        first.add(SOME)
        with first.writing() as database:
            database.execute("UPDATE terms_data SET block = x'ffffffffffff' WHERE id > 10")
        with pytest.raises(EdgeError, match="it is kept as i.db.damaged1"):
            find(first, asked, 5)
        with Index.open(file) as third:
            assert third.healed == "" and third.add(SOME) == 1
            for index in (second, first, third):
                assert [one.path for one in find(index, asked, 5)] == ["物理/a.md"]
            assert second.add([replace(SOME[0], path="物理/b.md")]) == 1 and len(find(third, asked, 5)) == 2
    assert [path.name for path in tmp_path.glob("*damaged?")] == ["i.db.damaged1"]


def test_damage_of_an_old_file_leaves_the_new_one_where_it_is(tmp_path: Path) -> None:
    """Seen by a process that had begun to read the old one."""
    file = tmp_path / "i.db"
    with Index.open(file) as index:
        old = inode_of(file)
        index.add(SOME)
        assert set_aside(file, old) == tmp_path / "i.db.damaged1"
    with Index.open(file) as index:
        index.add(SOME)
        assert set_aside(file, old) is None
    with Index.open(file) as index:
        assert index.courses()


@pytest.mark.parametrize("late", [0, 1])
def test_a_small_course_that_was_indexed_early_is_searched_for_a_frequent_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: int,
) -> None:
    monkeypatch.setattr(search, "LOOKED", 10)
    monkeypatch.setattr(search, "LEAPS", 50)
    early = [Resource(f"甲/{number}.md", "甲", 1, str(number), "notes", (), ("定理",)) for number in range(40)]
    others = [Resource(f"乙/{number}.md", "乙", 1, str(number), "notes", (), ("定理",)) for number in range(400)]
    with Index.open(tmp_path / "i.db") as index:
        index.add([*early, *others, *early[:late]])
        course = facets_of(index, Request("甲", None, None, ()))
        assert len(search.search(index, [*course, kind_facet("notes")], ("定理",), "定理", 100)) == 40
        assert len(search.search(index, [], ("定理",), "定理", 1000)) <= 60  # what no facet narrows stays bounded


@pytest.mark.parametrize("place", [lambda folder: folder, lambda folder: folder / "file" / "i.db"])
def test_a_place_where_no_index_can_be_is_told(tmp_path: Path, place: object) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EdgeError, match="expected"):
        Index.open(place(tmp_path))
