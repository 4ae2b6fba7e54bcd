"""What the student is told of their learning, and that nothing is recorded but what they said."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from pipeline.data.assistant.asking import ACTS
from pipeline.edge.assistant.named import CourseName
from pipeline.edge.assistant.record.study import StudyRecord
from pipeline.edge.assistant.record.tracking import Tracking
from pipeline.edge.assistant.reply import Reply
from pipeline.measure.student import NOW, filled
from tests.assistant.study import content
from tests.assistant.test_study_understanding import ASKED, COURSES

KNOWN = [CourseName("线性代数", ("线代",), ("行列式", "矩阵", "向量")), CourseName("高等数学", ("高数",))]


@pytest.fixture
def tracking(record: StudyRecord) -> Tracking:
    return Tracking(record, lambda: KNOWN, lambda: NOW)


def test_a_conversation(tracking: Tracking) -> None:
    said = {
        "今天学了两个半小时线代第二章": "已记录：2026年11月30日，学习线性代数第 2 章 150 分钟（2 小时 30 分钟）。",
        "高数的极限做了10道错了3道": "已记录：2026年11月30日，高等数学的极限做题 10 道，对 7 道，错 3 道。",
        "二重积分我不太会": "已记录：2026年11月30日，薄弱点 二重积分。",
        "线代第二章学完了": "已记录：2026年11月30日，学完线性代数第 2 章。",
        "这周学了多久": "本周学习 150 分钟（2 小时 30 分钟）。",
        "昨天学了多久": "昨天没有学习的时间记录。",
        "高数正确率多少": "到目前为止高等数学做题 10 道，对 7 道，错 3 道，正确率 70%。",
        "线代学到哪了": "线性代数学完 1 章，共 3 章（第 2 章）。",
        "我连续学了几天": "已经连续学习 1 天。",
        "我哪里薄弱": "薄弱点有 2 个：二重积分、极限（高等数学）。",
        "今天该复习什么": "今天没有到期要复习的知识点。",
        "上次学线代是什么时候": "上次学习线性代数是2026年11月30日（今天）。",
        "昨晚还学了20分钟线代": "已记录：2026年11月29日，学习线性代数 20 分钟。",
        "前天做了3道题全错": "已记录：2026年11月28日，做题 3 道，对 0 道，错 3 道。",
        "撤销": "已撤销：2026年11月28日，做题 3 道，对 0 道，错 3 道。",
        "刚刚那条也不算": "已撤销：2026年11月29日，学习线性代数 20 分钟。",
        "刚才那条记错了": "已撤销：2026年11月30日，学完线性代数第 2 章。",
        "线代第几章学完了": "线性代数还没有学完的章节。",
    }
    assert {question: tracking.answer(question).text for question in said} == said


@pytest.mark.parametrize(("question", "part"), [
    ("学了900小时线代", "不像是一次学习的时间"), ("学了0分钟", "不像是一次学习的时间"), ("做了10道题，对了15道", "对不上"),
    ("做了5000道题全对", "对不上"), ("做了10道线代题", "没听出对了几道"), ("第二章学完了", "没听出是哪门课"),
    ("线代第九章学完了", "没有这一章"),
    ("线代第九章学了40分钟", "没有这一章"), ("高数第一百二十章学完了", "没有这一章"), ("今天天气怎么样", "没听出"), ("", "没听出"),
    ("撤销刚才那条", "没有可以撤销的记录")])
def test_what_is_implausible_or_missing_is_asked_back_and_not_recorded(
        record: StudyRecord, tracking: Tracking, question: str, part: str) -> None:
    reply = tracking.answer(question)
    assert part in reply.text and not re.search(r"\d", reply.text)
    assert not content(record)["entry"]


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudyRecord]:
    with filled(tmp_path_factory.mktemp("busy"), 500, seed=1) as opened:
        yield opened


def test_every_number_stands_in_the_facts_and_only_what_logs_is_recorded(busy: StudyRecord) -> None:
    tracking, count = Tracking(busy, lambda: COURSES, lambda: NOW), "SELECT max(number) FROM entry"
    for operation, question, _ in ASKED:
        before = busy.ask(count)[0][0]
        reply: Reply = tracking.answer(question)
        facts = set(re.findall(r"\d+", " ".join(reply.facts)))
        assert set(re.findall(r"\d+", reply.text)) <= facts, question
        assert busy.ask(count)[0][0] - before == int(operation in ACTS), question


def test_braces_in_a_topic_are_only_text(tracking: Tracking) -> None:
    assert tracking.answer("把集合{x|x>0}标成薄弱点").text.startswith("已记录")
    assert "{" in tracking.answer("我有哪些薄弱点").text


def test_a_course_with_a_number_and_braces_in_its_name_is_a_fact_too(record: StudyRecord) -> None:
    tracking = Tracking(record, lambda: [CourseName("大学物理{2}")], lambda: NOW)
    for question in (
            "大学物理{2}学了多久", "大学物理{2}学了40分钟", "大学物理{2}学了多久", "上次学大学物理{2}是哪天",
            "大学物理{2}的正确率", "大学物理{2}的薄弱点"):
        reply = tracking.answer(question)
        assert set(re.findall(r"\d+", reply.text)) <= set(re.findall(r"\d+", " ".join(reply.facts)))


def test_topics_of_the_courses_are_named_in_full(record: StudyRecord) -> None:
    tracking = Tracking(record, lambda: [CourseName("电磁学", topics=("磁通量", "TCP协议"))], lambda: NOW)
    assert "薄弱点 磁通量。" in tracking.answer("磁通量这个东西我一看就犯愁，不会").text
    assert "薄弱点 tcp协议。" in tracking.answer("tcp协议又忘了").text
