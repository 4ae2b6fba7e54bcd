"""Course files are read page by page; what cannot be read says so in one line, whatever it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.edge.assistant.library import documents
from pipeline.edge.assistant.library.documents import Passage, read_document
from pipeline.edge.assistant.library.documents.office import UNPACKED
from pipeline.edge.assistant.library.reading import Limits, Reader
from pipeline.errors import EdgeError
from tests.assistant.course_files import add_table_in_group, make_docx, make_pdf, make_pptx, make_slow_pdf, repacked

MEMORY = 200 << 20  # bytes, enough for an ordinary page


def test_a_pdf_is_read_page_by_page(tmp_path: Path) -> None:
    file = make_pdf(tmp_path / "讲义.pdf", ["库仑定律", "高斯定理：电通量"])
    assert list(read_document(file)) == [Passage("库仑定律", "第1页"), Passage("高斯定理：电通量", "第2页")]


def test_slides_are_read_with_notes_tables_and_groups(tmp_path: Path) -> None:
    file = make_pptx(tmp_path / "课件.pptx", [("静电场", "电场强度"), ("电势", "电势差")])
    add_table_in_group(file, "表里", "组里")
    first, second = read_document(file)
    assert (first.place, first.text.split("\n")) == ("第1页", ["静电场", "电场强度", "备注静电场"])
    assert second.place == "第2页" and {"表里", "组里"} <= set(second.text.split("\n"))


def test_a_docx_is_read_section_by_section(tmp_path: Path) -> None:
    file = make_docx(tmp_path / "实验.docx", [("实验目的", "测电阻"), ("步骤", "接线")])
    assert list(read_document(file)) == [Passage("实验目的\n测电阻", "实验目的"), Passage("步骤\n接线\n表格里的字", "步骤")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_markdown_is_read_by_heading_in_the_encodings_of_chinese_systems(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "笔记.md"
    file.write_bytes("前言\n# 第一节\n正文\n```\n# 不是标题\n```\n## 第二节 ##\n结尾".encode(encoding))
    read = [(one.place, one.text.split("\n")[0]) for one in read_document(file)]
    assert read == [("", "前言"), ("第一节", "第一节"), ("第二节", "第二节")]


def test_a_long_page_becomes_several_passages_and_loses_nothing(tmp_path: Path) -> None:
    file, text = tmp_path / "长.txt", "".join(f"这是第{n}句话。" for n in range(1000))
    file.write_text(text)
    read = list(read_document(file))
    assert "".join(one.text for one in read) == text and max(len(one.text) for one in read) <= documents.LONGEST


def _encrypted(folder: Path) -> Path:
    return make_pdf(folder / "a.pdf", ["秘密"], password="x")


def _truncated(folder: Path) -> Path:
    file = make_pptx(folder / "a.pptx", [("题", "文")])
    file.write_bytes(file.read_bytes()[:-900])
    return file


def _old_office(folder: Path) -> Path:
    (folder / "a.docx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    return folder / "a.docx"


def _foreign(folder: Path) -> Path:
    (folder / "a.md").write_bytes(bytes(range(256)) * 9)
    return folder / "a.md"


def _empty(folder: Path) -> Path:
    (folder / "a.pdf").touch()
    return folder / "a.pdf"


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "a.pdf")
    return folder / "a.pdf"


def _zip_bomb(folder: Path) -> Path:
    file = make_docx(folder / "a.docx", [("题", "文")])
    repacked(file, "word/document.xml", bytes(UNPACKED + 1))
    return file


def _entity_bomb(folder: Path, encoding: str = "utf-8") -> Path:
    file = make_pptx(folder / "a.pptx", [("题", "文")])
    bomb = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE a [<!ENTITY b "{"b" * 99}"><!ENTITY c "&b;&b;">]><a>&c;</a>'
    repacked(file, "ppt/slides/slide1.xml", bomb.encode(encoding))
    return file


@pytest.mark.parametrize(("make", "said"), [
    (_encrypted, "encrypted"), (_truncated, "BadZipFile"), (_old_office, "an encrypted or an old one"), (_foreign, "other bytes"),
    (_empty, "an empty one"), (_pipe, "a pipe"), (_zip_bomb, "zip bomb"), (_entity_bomb, "entity bomb"),
    (lambda folder: _entity_bomb(folder, "utf-16"), "entity bomb"), (lambda folder: folder / "none.pdf", "found none"),
    (lambda folder: folder.joinpath("a.exe").write_text("x") and folder / "a.exe", "convert it"),
])
def test_what_cannot_be_read_is_told_in_one_line(tmp_path: Path, make: object, said: str) -> None:
    file = make(tmp_path)
    with pytest.raises(EdgeError, match=said) as refused:
        list(read_document(file))
    assert str(refused.value).startswith(f"{file}: expected ") and "\n" not in str(refused.value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(min_size=1, max_size=300), suffix=st.sampled_from([".pdf", ".pptx", ".docx", ".md", ".txt"]),
       start=st.sampled_from([b"", b"%PDF-1.7\n", b"PK\x03\x04", b"\xff\xfe"]))
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes, suffix: str, start: bytes) -> None:
    file = tmp_path / f"any{suffix}"
    file.write_bytes(start + data)
    try:
        assert all(one.text == one.text.strip() != "" for one in read_document(file))
    except EdgeError as error:
        assert str(file) in str(error)


def test_a_huge_file_keeps_its_first_characters_and_says_what_is_left_out(tmp_path: Path) -> None:
    huge, small = tmp_path / "huge.txt", make_docx(tmp_path / "小.docx", [("题", "文")])
    huge.write_text("字" * 200_000)
    with Reader(Limits(characters=5000)) as reader:
        read = reader.read(huge)
        assert sum(len(one.text) for one in read.passages) == 5000 and "first 5,000 characters" in read.left_out
        assert reader.read(small).left_out == ""


def test_a_file_that_takes_for_ever_is_given_up_and_the_next_one_is_read(tmp_path: Path) -> None:
    quick = make_pdf(tmp_path / "quick.pdf", ["快"])
    with Reader() as reader:
        assert reader.read(quick).passages == (Passage("快", "第1页"),)
        reader.limits = Limits(seconds=1)
        read = reader.read(make_slow_pdf(tmp_path / "later.pdf", ["先读到的"]))
        assert read.passages == (Passage("先读到的", "第1页"),)
        assert read.left_out == "what stands behind 第1页: it takes more than 1 s"
        with pytest.raises(EdgeError, match="more than 1 s"):
            reader.read(make_slow_pdf(tmp_path / "slow.pdf", []))
        reader.limits = Limits()
        assert reader.read(quick).left_out == ""


def test_what_was_read_before_memory_ended_is_kept(tmp_path: Path) -> None:
    file = make_slow_pdf(tmp_path / "a.pdf", ["先读到的"])
    with Reader(Limits(memory=MEMORY)) as reader:
        read = reader.read(file)
        assert read.passages == (Passage("先读到的", "第1页"),)
        assert read.left_out == f"what stands behind 第1页: it takes more than {MEMORY >> 20} MB of memory"
        assert reader.read(make_pdf(tmp_path / "b.pdf", ["快"])).left_out == ""


def test_a_file_that_takes_too_much_memory_is_given_up(tmp_path: Path) -> None:
    """30 MB of XML within the bound, which takes a parser ten times as much."""
    file = make_docx(tmp_path / "a.docx", [("题", "文")])
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    repacked(file, "word/document.xml", f'<w:document xmlns:w="{space}"><w:body>{"<w:p/>" * 5_000_000}</w:body></w:document>'.encode())
    with Reader(Limits(memory=400 << 20)) as reader, pytest.raises(EdgeError, match="MemoryError|memory|ended its process|unknown error"):
        reader.read(file)
