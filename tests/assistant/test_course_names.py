"""Which course a question names, however it is written."""

from __future__ import annotations

import pytest

from pipeline.edge.assistant.named import CourseName, course_in
from pipeline.edge.assistant.record.understanding import understand

KNOWN = [CourseName("操作系统", ("OS",)), CourseName("电磁学"), CourseName("C语言", ("C",)), CourseName("大学物理", ("",))]


@pytest.mark.parametrize(("question", "name"), [
    ("OS第三章的课件", "操作系统"), ("学了os 40分钟", "操作系统"), ("看OS课", "操作系统"), ("ＯＳ的笔记", "操作系统"), ("OS", "操作系统"),
    ("cos的导数是什么", None), ("POST请求是什么", None), ("OSI模型是什么", None), ("电 磁 学的课件", "电磁学"), ("电磁 学", "电磁学"),
    ("c语言的指针", "C语言"), ("Ｃ语言", "C语言"), ("cache是什么", None), ("", None), ("今天天气", None)])
def test_the_course_that_a_question_names(question: str, name: str | None) -> None:
    found = course_in(question, KNOWN)
    assert (found and found.name) == name


def test_a_name_inside_a_word_of_a_topic_is_left_in_it() -> None:
    assert understand("OS的cost模型我不太会", KNOWN).arguments == {"course": "操作系统", "topic": "cost模型"}
