"""Which course a question names, however it is written."""

from __future__ import annotations

import pytest

from pipeline.edge.assistant.named import CourseName, course_in
from pipeline.edge.assistant.record.done import is_done
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


CHEMISTRY = CourseName("有机化学", (), ("烷烃", "芳香烃"), ("烷烃", "芳香烃", "有机物"))


@pytest.mark.parametrize(("question", "name"), [
    ("有机做了10道错了3道", "有机化学"), ("list一下我有机的weak points", "有机化学"), ("有机正确率", "有机化学"),
    ("今天有机会学了40分钟", None), ("有机物的题做了10道错了3道", None), ("有机合成的题做了10道错了3道", None),
    ("近代史学了40分钟", None), ("高等数学学了40分钟", None)])
def test_a_course_by_how_its_name_begins_where_a_course_would_stand(question: str, name: str | None) -> None:
    assert understand(question, [*KNOWN, CHEMISTRY, CourseName("应用数学")]).arguments.get("course") == name


def test_a_beginning_that_two_courses_share_is_none_of_them() -> None:
    assert understand("高等刷了10道错了3道", [CourseName("高等数学"), CourseName("高等代数")]).arguments.get("course") is None


@pytest.mark.parametrize("question", ["有机化学讲芳香烃的那章学完了", "有机化学里“芳香烃”这一章看完了", "我把有机化学《芳香烃》那章啃完了"])
def test_a_chapter_by_its_title(question: str) -> None:
    found = understand(question, [CHEMISTRY])
    assert (found.name, found.arguments) == ("finish_chapter", {"course": "有机化学", "chapter": 2})
    assert is_done(question, found.name, [CHEMISTRY])


def test_a_title_without_a_chapter_is_a_topic() -> None:
    assert understand("芳香烃的题做了10道错了3道", [CHEMISTRY]).arguments == {"total": 10, "right": 7, "topic": "芳香烃"}


@pytest.mark.parametrize("topic", ["链表反转", "电容器", "方向导数"])
def test_a_topic_is_not_cut_to_one_that_a_course_has(topic: str) -> None:
    course = CourseName("大学物理", topics=("链表", "电容", "导数"))
    assert understand(f"{topic}我总是搞不懂", [course]).arguments["topic"] == topic
