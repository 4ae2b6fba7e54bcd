"""What a question about one's own learning asks for, in whatever words."""

from __future__ import annotations

from math import exp
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.assistant.asking import ACTS, ASPECTS, OPERATIONS
from pipeline.data.assistant.courses import all_courses
from pipeline.edge.assistant.aspects import is_own
from pipeline.edge.assistant.named import CourseName
from pipeline.edge.assistant.record import examples as examples_module
from pipeline.edge.assistant.record.counts import counts_in
from pipeline.edge.assistant.record.durations import minutes_in
from pipeline.edge.assistant.record.entry import KINDS
from pipeline.edge.assistant.record.examples import OTHER, examples
from pipeline.edge.assistant.record.ngrams import END, START, NGrams, count_grams
from pipeline.edge.assistant.record.understanding import understand

COURSES = [CourseName(course.name, course.aliases) for course in all_courses()]
ASKED = [line.split("|") for line in Path(__file__).with_name("tracking_questions.txt").read_text(encoding="utf-8").splitlines()]
TOPICS = sorted({topic for course in all_courses() if not course.held_out for chapter in course.chapters for topic in chapter.topics})
DIGITS = "零一二三四五六七八九"


@pytest.mark.parametrize("operation", sorted({operation for operation, _, _ in ASKED}))
def test_operation_and_arguments(operation: str) -> None:
    wrong = {}
    for _, question, said in (one for one in ASKED if one[0] == operation):
        expected = {name: int(value) if value.isdigit() else value for name, value in (part.split("=") for part in said.split())}
        found = understand(question, COURSES)
        if (found and (found.name, found.arguments)) != (None if operation == "None" else (operation, expected)):
            wrong[question] = found
    assert not wrong


def written(number: int) -> str:
    """Below a hundred, in Chinese numerals."""
    tens, ones = divmod(number, 10)
    return (("" if tens == 1 else DIGITS[tens]) + "十" if tens else "") + (DIGITS[ones] if ones or not tens else "")


@settings(deadline=None)
@given(hours=st.integers(1, 12), minutes=st.integers(1, 59), form=st.sampled_from(
    ["{h}小时{m}分钟", "{h}个小时{m}分", "{hc}小时{mc}分钟", "{hc}个钟头又{mc}分钟", "{h}h{m}min", "{h} 小时 {m} 分", "{h}小时零{m}分钟"]))
def test_a_duration_in_any_form(hours: int, minutes: int, form: str) -> None:
    said = form.format(h=hours, m=minutes, hc=written(hours), mc=written(minutes))
    assert minutes_in(f"今天学了{said}线代") == 60 * hours + minutes


@pytest.mark.parametrize(("said", "minutes"), [
    ("半小时", 30), ("半个钟头", 30), ("一个半小时", 90), ("两个半小时", 150), ("1个小时半", 90), ("1.5小时", 90), ("三刻钟", 45),
    ("一百二十分钟", 120), ("四十来分钟", 40), ("900小时", 54000), ("40分钟视频加20分钟", 60),
    ("从八点到十点半", 150), ("8:00-9:20", 80), ("从十一点学到一点", 120),
    ("听课80分", 80), ("考了80分", None), ("三分之一", None), ("做了十分复杂的题", None), ("第三章", None), ("", None)])
def test_what_is_a_duration_and_what_is_none(said: str, minutes: int | None) -> None:
    assert minutes_in(said) == minutes


@settings(deadline=None)
@given(right=st.integers(0, 60), wrong=st.integers(1, 60), form=st.sampled_from(
    ["做了{t}道错了{w}道", "做了{t}道题，对了{r}道", "{t}题对{r}", "{r}对{w}错", "对{r}错{w}", "{t}道里{w}道做错", "刷了{t}道，{r}道正确",
     "{r}/{t}", "一共{t}道题，做对{r}道做错{w}道", "对了{r}道，错了{w}道"]))
def test_counts_in_any_form(right: int, wrong: int, form: str) -> None:
    found = counts_in(form.format(t=right + wrong, r=right, w=wrong))
    assert (found.total, found.right) == (right + wrong, right)


@pytest.mark.parametrize("form", ["{}的题做了10道，错了3道", "{}不太会", "把{}标成薄弱点", "刷了8道{}题，对了6道", "我总是弄不懂{}",
                                  "{}这块没掌握"])
def test_a_topic_in_the_words_it_was_said_in(form: str) -> None:
    wrong = [topic for topic in TOPICS if understand(form.format(topic), []).arguments.get("topic") != topic]
    assert len(wrong) <= len(TOPICS) // 100, wrong


WORDS = [*(text for texts in examples().values() for text in texts), "10道", "第三章", "40分钟", "线代", "对", "错", "1/0"]


@settings(deadline=None)
@given(st.text(max_size=300) | st.lists(st.sampled_from(WORDS), max_size=8).map("".join))
def test_any_text_is_understood_or_not_but_never_an_error(text: str) -> None:
    found = understand(text, COURSES)
    assert found is None or (found.arguments.keys() <= set(OPERATIONS[found.name].names)
                             and all(value not in ("", None) for value in found.arguments.values()))


@pytest.mark.parametrize("question", ["线代总是学不好，应该怎么调整", "高数第二章作业第十题怎么解", "每天只有25分钟，怎么安排学习",
                                      "出一道极限的题并讲解"])
def test_who_wants_an_explanation_has_nothing_recorded(question: str) -> None:
    found = understand(question, COURSES)
    assert found is None or found.name not in ACTS


VALUES = {"count": "12道", "duration": "40分钟", "course": "线代", "chapter": "第三章", "period": "今天", "topic": "拉曼散射"}
EXAMPLES = Path(examples_module.__file__).with_name("examples.txt").read_text(encoding="utf-8").splitlines()


def test_the_examples_mean_what_they_are_examples_of() -> None:
    said = [line.split("|") for line in EXAMPLES if not line.startswith(OTHER)]
    wrong = [(name, text) for name, text in said if name not in ACTS
             and getattr(understand(text.format_map(VALUES), COURSES), "name", None) != name]
    assert {name for name, _ in said} == set(OPERATIONS) and len(wrong) <= len(said) // 100, wrong


@pytest.mark.parametrize("topic", ["拉曼散射", "博弈树剪枝", "Floyd算法", "洛伦兹变换", "细胞分裂的过程", "TCP拥塞控制", "蒙特卡洛积分"])
def test_a_topic_that_nothing_knows_of(topic: str) -> None:
    forms = {"{}我总是搞不懂": "mark_weak", "把{}加到薄弱点里": "mark_weak", "{}的题做了10道，错了3道": "log_exercise",
             "刷了10道{}的题，对了7道，记一下": "log_exercise"}
    found = {form: understand(form.format(topic), COURSES) for form in forms}
    assert {form: (one.name, one.arguments.get("topic")) for form, one in found.items()} == {
        form: (name, topic) for form, name in forms.items()}


@pytest.mark.parametrize("topic", ["有丝分裂", "有源滤波", "有限元分析", "有性生殖", "可塑性", "可转换债券"])
@pytest.mark.parametrize("form", ["{}我总是搞不懂", "把{}加到薄弱点里", "{}的题做了10道，错了3道", "刷了10道{}的题，对了7道，记一下",
                                  "我{}没学懂"])
def test_a_topic_that_begins_like_talk_keeps_its_first_character(topic: str, form: str) -> None:
    found = understand(form.format(topic), COURSES)
    assert found and found.arguments.get("topic") == topic


@pytest.mark.parametrize("question", ["我有链表没搞懂", "没有链表的题做了10道，错了3道", "做了10道带有链表的题，错了3道"])
def test_to_have_is_no_part_of_a_topic_that_is_known(question: str) -> None:
    found = understand(question, COURSES)
    assert found is None or found.arguments.get("topic") in (None, "链表")


@given(st.lists(st.text("ab", max_size=6), min_size=1), st.text("ab", max_size=4))
def test_likelihoods_behind_any_text_are_at_most_one_together(texts: list[str], context: str) -> None:
    model = NGrams(count_grams(texts, order=3))
    assert 0 < sum(exp(model.log(START * 2 + context, character)) for character in ("a", "b", "c", END)) <= 1 + 1e-9


@pytest.mark.parametrize("question", ["上周学习时长有没有破十小时", "我今天学满40分钟了吗", "这周学够5小时没有",
                                      "今天线代做了10道对了8道吗", "本周高数是不是才30分钟"])
def test_who_asks_whether_has_nothing_recorded(question: str) -> None:
    found = understand(question, COURSES)
    assert found is None or found.name not in ACTS


def test_names_that_are_shared_are_the_same_everywhere() -> None:
    assert {one.records for one in OPERATIONS.values()} - {""} == set(KINDS)
    assert all(not is_own(aspect) for aspect in ASPECTS)
