"""What is not done, or is not to be recorded, is not recorded; what was done on another day is recorded on that day or asked back."""

from __future__ import annotations

from datetime import date, timedelta
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.edge.assistant.named import CourseName
from pipeline.edge.assistant.record.day import day_done
from pipeline.edge.assistant.record.entry import SESSION
from pipeline.edge.assistant.record.study import StudyRecord
from pipeline.edge.assistant.record.tracking import NOT_DONE, WHICH_DAY, WHICH_PERIOD, Tracking
from pipeline.measure.student import NOW
from tests.assistant.study import content

KNOWN = [CourseName("线性代数", ("线代",)), CourseName("高等数学", ("高数",)), CourseName("社会学"), CourseName("思想道德与法治",
("思政",))]
TODAY = NOW.date()  # Monday, 2026-11-30


@pytest.fixture
def tracking(record: StudyRecord) -> Tracking:
    return Tracking(record, lambda: KNOWN, lambda: NOW)


@pytest.mark.parametrize("question", [
    "明天要学40分钟", "我打算今晚学两小时", "我还没学40分钟", "不要记录，我没学40分钟", "今晚想花半小时看线代", "准备学一个小时高数",
    "40分钟线代明天学",
    "如果今天学40分钟线代", "后天学高数两小时", "下周三复习线代一小时", "明天，线代40分钟", "今天没学够40分钟", "线代40分钟都没学到",
    "希望今天能学两小时",
    "别记，线代40分钟", "今天得学两小时线代", "待会学40分钟线代", "我要学40分钟线代", "明天学40分钟",
    "今晚要学40分钟线代，帮我记一下", "晚点学40分钟线代", "过两天学一小时线代", "我能学40分钟线代",
    "明天要学完线代第三章", "线代第三章还没学完", "还没看完高数第二章", "线代第三章明天就学完了", "快学完线代第三章了",
    "我打算今晚看完线代第二章",
    "线代第三章打算今晚看完", "不要把极限标成薄弱点", "别把极限记为薄弱", "打算做10道题，对8道", "明天高数做20道对18道"])
def test_what_is_not_done_is_not_recorded(record: StudyRecord, tracking: Tracking, question: str) -> None:
    reply = tracking.answer(question)
    assert not reply.found and not reply.facts and not content(record)["entry"]


@pytest.mark.parametrize("question", ["明天要学40分钟", "我还没学40分钟", "线代第三章明天就学完了", "不要把极限标成薄弱点"])
def test_it_is_said_that_nothing_was_recorded(tracking: Tracking, question: str) -> None:
    assert tracking.answer(question).text == NOT_DONE


@pytest.mark.parametrize(("question", "ago"), [
    ("上周五学了两小时", 3), ("三天前学了40分钟线代", 3), ("11月3日学了一小时", 27), ("今天把昨天没看完的看了40分钟", 0),
    ("昨晚学了40分钟", 1),
    ("前天学了40分钟", 2), ("大前天学了40分钟", 3), ("两周前学了40分钟", 14), ("上个星期三学了线代一小时", 5), ("15号学了40分钟", 15),
    ("今天补记昨天学的40分钟", 1), ("2026年11月3日学了40分钟", 27), ("上礼拜五学了线代40分钟", 3), ("前晚学了40分钟", 2),
    ("线代第三章上周五学完了", 3), ("前天做了10道题，对了8道", 2), ("周一学了40分钟", 0),
    ("线代第三章过完了，下一章明天再说", 0), ("线代第三章过完了下一章明天再说先记", 0), ("计划里的线代完成，40分钟", 0),
    ("等一下我对对答案，20道，全做对了", 0), ("可以把线代第三章从没学完的里面划掉了", 0), ("学了40分钟，明天继续", 0),
    ("明天考试，今天复习了两小时线代", 0), ("明天要考线代，刚复习了40分钟", 0), ("为明天的考试学了40分钟", 0),
    ("我想记录一下今天学习线代40分钟", 0), ("我要打卡，线代40分钟", 0), ("预习明天的线代40分钟", 0), ("社会学40分钟", 0), ("思政40分钟", 0),
    ("今天主要学线代40分钟", 0), ("我想把今天学的40分钟线代记下来", 0), ("没看懂线代，但学了40分钟", 0), ("这周一共学了5小时线代", 0),
    ("之前天天学，今天学了40分钟线代", 0), ("去年的真题做了20道，对了15道", 0), ("在3号楼学了40分钟线代", 0), ("不过线代第三章学完了", 0),
    ("线代第三章学完了，第四章还没看", 0), ("极限我还没学懂", 0), ("前天讲的极限我没听懂", 2), ("明天考试，极限还不会", 0),
    ("别忘了记，今天学了40分钟", 0), ("做了10道题，3道没做出来", 0), ("十一月三号学了40分钟", 27)])
def test_what_is_done_is_recorded_on_its_day(record: StudyRecord, tracking: Tracking, question: str, ago: int) -> None:
    assert tracking.answer(question).text.startswith("已记录")
    assert [row[1][:10] for row in content(record)["entry"]] == [(TODAY - timedelta(ago)).isoformat()]


@pytest.mark.parametrize("question", [
    "上周学了5小时", "上个月学了20小时", "前几天学了40分钟", "几天前学了40分钟", "12月3日学了40分钟", "去年学了40分钟",
    "昨天学了40分钟，前天学了30分钟",
    "昨天今天一共学了3小时", "我每天学40分钟线代",
    "今天学了40分钟，昨天学了30分钟", "周五学了40分钟", "周一到周五学了10小时", "上周五的作业做了40分钟", "99号学了40分钟"])
def test_a_day_that_is_not_plainly_said_is_asked_back(record: StudyRecord, tracking: Tracking, question: str) -> None:
    assert tracking.answer(question).text == WHICH_DAY and not content(record)["entry"]


def test_another_day_or_month_is_what_is_told(record: StudyRecord, tracking: Tracking) -> None:
    for ago, minutes in ((0, 1), (1, 2), (2, 4), (3, 8), (27, 16), (31, 32), (60, 64)):  # 60: 2026-10-01; 31: 10-30
        record.log(SESSION, NOW - timedelta(ago), minutes=minutes)
    said = {"今天学了多久": "今天学习 1 分钟。", "昨天学了多久": "昨天学习 2 分钟。", "前天学了多久": "2026年11月28日学习 4 分钟。",
            "上周五学了多久": "2026年11月27日学习 8 分钟。", "三天前学了多长时间": "2026年11月27日学习 8 分钟。",
            "11月3日学了多久": "2026年11月3日学习 16 分钟。", "上个月学了多久": "上个月学习 96 分钟（1 小时 36 分钟）。",
            "一共学了多久": "到目前为止学习 127 分钟（2 小时 7 分钟）。", "前天做题正确率": "2026年11月28日没有做题记录。"}
    assert {question: tracking.answer(question).text for question in said} == said
    for question in said:
        reply = tracking.answer(question)
        assert set(filter(str.isdigit, reply.text)) <= set("".join(reply.facts))


@pytest.mark.parametrize("question", ["去年学了多久", "最近三天学了多久", "前几天学了多久", "这学期正确率多少", "上上周学了多久",
"昨天和前天学了多久", "周三学了多久"])
def test_a_span_that_is_not_kept_is_asked_back(tracking: Tracking, question: str) -> None:
    assert tracking.answer(question).text == WHICH_PERIOD


@given(st.text(max_size=60) | st.lists(st.sampled_from(
    ["上周五", "三天前", "11月3日", "0月0日", "今天", "昨天", "前天", "九九九九号", "上个月3号", "的", "补记",
    "99999999天前"]), max_size=5).map("".join))
def test_any_text_names_a_day_that_is_not_to_come_or_none(text: str) -> None:
    day = day_done(text, TODAY)
    assert day is None or date.min <= day <= TODAY


@pytest.mark.parametrize("piece", ["明天", "没学", "我要学", "上周五", "三天前", "想看M", "\ue000不", "没有没能"])
def test_a_question_without_end_is_looked_at_no_longer_than_a_short_one(tracking: Tracking, piece: str) -> None:
    begun = perf_counter()
    tracking.answer("学了40分钟" + piece * 300_000)
    assert perf_counter() - begun < 2
