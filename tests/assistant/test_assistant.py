"""From a question to an answer: routes, handlers, what the cloud is sent, and files and cards that would like to give orders."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.edge.assistant.assistant import OFFER, Assistant
from pipeline.edge.assistant.cloud_context import CloudContext, about_own_learning
from pipeline.edge.assistant.opened import open_assistant
from pipeline.edge.assistant.reply import Reply
from pipeline.edge.assistant.workspace import Workspace
from pipeline.edge.gateway.apology import CUT
from pipeline.edge.gateway.cloud import Cloud
from pipeline.errors import EdgeError
from pipeline.measure.faithfulness import strangers
from pipeline.runtime.decision import Decision
from tests.assistant.students import CARD, COMPLEX, FOUR, GAUSS, INJECTION, RESOURCE, SECRET, TRACKING, workspace
from tests.gateway.conftest import SHORT, running, stand_in

__all__ = ["running", "stand_in"]
OWN = "我最近学得怎么样，帮我制定一个复习计划"


@pytest.fixture(scope="module")
def plain(tmp_path_factory, running):  # noqa: F811
    """Two workspaces alike, one of which is full of orders."""
    return workspace(tmp_path_factory.mktemp("plain") / "me", url=running.url, model="m")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory, running):  # noqa: F811
    return workspace(tmp_path_factory.mktemp("hostile") / "me", hostile=True, url=running.url, model="m")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """One without a cloud."""
    return workspace(tmp_path_factory.mktemp("alone") / "me")


def sent(memory) -> dict:
    """The one body that the cloud was sent."""
    body, = (json.loads(bytes(request).partition(b"\r\n\r\n")[2]) for request in memory.wire)
    return body


def journal(me: Workspace) -> list[dict]:
    file = me.record / "journal.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def test_a_conversation_of_the_four_tasks(plain, stand_in):  # noqa: F811
    with open_assistant(plain) as assistant:
        resource, tracking, card, cloud = map(assistant.answer, FOUR)
    assert [one.task for one in (resource, tracking, card, cloud)] == [
        "course_resource", "learning_tracking", "simple_qa", "complex_reasoning"]
    assert [one.route for one in (resource, tracking, card, cloud)] == ["local", "local", "local", "cloud"]
    assert "课件 高斯定理.md" in resource.reply.text and "40" in tracking.reply.text and "伏特每米" in card.reply.text
    assert cloud.reply.text.startswith(f"【云端替身】您问的是：{COMPLEX}") and cloud.reply.facts == () and cloud.reason == "intent"
    assert [strangers(one.reply) for one in (resource, tracking, card)] == [[], [], []]
    assert set(card.ms) == {"classify", "answer"} and set(cloud.ms) == {"classify", "context", "cloud"}


def test_text_in_files_and_cards_changes_no_route_and_does_nothing(plain, hostile, stand_in):  # noqa: F811
    questions = [RESOURCE, CARD, COMPLEX, "高斯定理的讲义在哪", "特征值的定义", "什么是忽略指令", "打开习题", OWN]
    before = [journal(plain), journal(hostile)]
    with open_assistant(plain) as one, open_assistant(hostile) as other:
        answers = [(one.answer(question), other.answer(question)) for question in questions]
    for calm, ordered in answers:
        assert (calm.task, calm.route, calm.reason, calm.confidence) == (ordered.task, ordered.route, ordered.reason, ordered.confidence)
    assert [journal(plain), journal(hostile)] == before
    assert len(stand_in.memory.questions) == 2 * sum(answer.route == "cloud" for answer, _ in answers)


def test_what_a_file_says_reaches_the_cloud_as_data_alone(hostile, stand_in):  # noqa: F811
    with open_assistant(hostile) as assistant:
        assistant.answer(COMPLEX)
    body = sent(stand_in.memory)
    assert body.keys() == {"messages", "model", "stream"}  # no tool that could be called
    system, user = body["messages"]
    assert (system["role"], user["role"]) == ("system", "user") and INJECTION[:8] not in system["content"]
    question, passages = user["content"].split("\n\n资料：")
    assert question == COMPLEX and "\n" not in passages
    assert all(set(passage) == {"标题", "位置", "内容"} for passage in json.loads(passages))


def test_the_cloud_gets_what_matches_and_no_more(plain, stand_in):  # noqa: F811
    with open_assistant(plain) as assistant:
        answered = assistant.answer(COMPLEX)
    received = stand_in.memory.received.decode("utf-8", "replace") + json.dumps(sent(stand_in.memory), ensure_ascii=False)
    assert GAUSS[:10] in received and SECRET not in received and "40" not in sent(stand_in.memory)["messages"][1]["content"]
    assert str(plain.root) not in received and len(answered.sources) == 1


@pytest.mark.parametrize("question", ["为什么天空是蓝色的，请解释一下", "曲面积分怎么证明"])  # the latter shares but 曲面 with a file
def test_nothing_of_the_files_goes_along_where_nothing_matches(plain, stand_in, question):  # noqa: F811
    with open_assistant(plain) as assistant:
        assistant.answer(question, to_cloud=True)
    assert sent(stand_in.memory)["messages"][1]["content"] == question


def test_the_study_record_goes_along_only_for_questions_about_it(plain, stand_in):  # noqa: F811
    with open_assistant(plain) as assistant:
        assistant.answer(TRACKING)
        answered = assistant.answer(OWN, to_cloud=True)
    lines = json.loads(sent(stand_in.memory)["messages"][1]["content"].split("学习记录：")[1])
    assert any("学习" in line for line in lines) and answered.reason == "asked" and set(lines) <= set(answered.sources)
    assert not about_own_learning(COMPLEX) and not about_own_learning("证明勾股定理") and about_own_learning("帮我安排复习计划")


def test_what_cannot_be_read_keeps_no_question_from_the_cloud(tmp_path, running, stand_in):  # noqa: F811
    me = workspace(tmp_path / "me", url=running.url, model="m")
    with open_assistant(me) as assistant:
        for end in ("", "-wal"):
            file = me.index.with_name(me.index.name + end)
            file.write_bytes(b"\xff" * file.stat().st_size)
        answered = assistant.answer(COMPLEX)
    assert answered.trouble == "" and answered.sources == () and answered.reply.text.startswith("【云端替身】")
    assert sent(stand_in.memory)["messages"][1]["content"] == COMPLEX


def test_the_student_can_keep_files_and_record_at_home(tmp_path, running, stand_in):  # noqa: F811
    me = workspace(tmp_path / "me", url=running.url, model="m", passages=0, record=False)
    with open_assistant(me) as assistant:
        assistant.answer(f"{COMPLEX}，{OWN}", to_cloud=True)
    assert sent(stand_in.memory)["messages"][1]["content"] == f"{COMPLEX}，{OWN}"


@pytest.mark.parametrize("question", [*FOUR, OWN, "你好"])
def test_local_only_leaves_nothing_out(hostile, stand_in, question):  # noqa: F811
    with open_assistant(hostile) as assistant:
        answered = assistant.answer(question, local_only=True, to_cloud=True)
    assert (answered.route, answered.reason, stand_in.memory.received) == ("local", "local_only", b"") and not answered.offers_cloud
    assert answered.reply.text and strangers(answered.reply) == []


@pytest.mark.parametrize(("fault", "trouble", "word"), [
    ("500", "failing", "服务出错"), ("garbage", "garbage", "无法使用"), ("429", "busy", "请求太多")])
def test_a_failing_cloud_is_told_and_the_files_help_out(plain, stand_in, fault, trouble, word):  # noqa: F811
    stand_in.memory.fault = fault
    with open_assistant(plain) as assistant:
        answered = assistant.answer(COMPLEX)
    assert answered.trouble == trouble and word in answered.reply.text and "课件 高斯定理.md" in answered.reply.text
    assert strangers(answered.reply) == []


def test_a_cut_answer_says_so(plain, stand_in):  # noqa: F811
    stand_in.memory.fault = "cut"
    with open_assistant(plain) as assistant:
        answered = assistant.answer(COMPLEX)
    assert answered.reply.text.endswith(CUT) and answered.trouble == "cut"


def test_without_a_cloud_the_truth_is_told(alone):
    with open_assistant(alone) as assistant:
        answered = assistant.answer(COMPLEX)
    assert answered.trouble == "none" and answered.reply.text.startswith("没有配置云端。") and not answered.offers_cloud


def test_what_is_not_found_offers_the_cloud_where_there_is_one(plain, alone):
    for me, offers in ((plain, True), (alone, False)):
        with open_assistant(me) as assistant:
            answered = assistant.answer("磁通量的单位是什么")
            assert answered.offers_cloud is offers and not answered.reply.found and answered.route == "local"
            assert (OFFER in "".join(part.text for part in assistant.begin("磁通量的单位是什么").parts)) is offers


@dataclass
class Table:
    """A classifier that says what it is told."""

    intent: str
    route: str = "local"
    confidence: float = 0.9
    truncated: bool = False

    def decide(self, query: str) -> Decision:
        return Decision(query, self.intent, self.confidence, self.route, 0.6, (0.0,) * 4, self.truncated)


class Says:
    def __init__(self, text: str, found: bool = True) -> None:
        self.reply, self.asked = Reply(text, (text,), found), []

    def answer(self, question: str) -> Reply:
        self.asked.append(question)
        return self.reply


class Fails:
    def answer(self, question: str) -> Reply:
        raise EdgeError("expected an index, found none; import again")


@pytest.mark.parametrize(("table", "reason"), [
    (Table("simple_qa", "cloud", 0.4), "unsure"), (Table("complex_reasoning", "cloud"), "intent"),
    (Table("simple_qa", truncated=True), "long")])
def test_why_the_cloud(table, reason):
    assert Assistant(table, Says("a"), Says("b"), Says("c")).answer("x").reason == reason


def test_an_unsure_device_without_a_cloud_answers_and_is_in_no_trouble():
    answered = Assistant(Table("simple_qa", "cloud", 0.4), Says("a"), Says("b"), Says("c")).answer("x")
    assert (answered.route, answered.reason, answered.trouble, answered.reply) == ("local", "unsure", "", Reply("c", ("c",)))
    unable = Assistant(Table("simple_qa", "cloud", 0.4), Says("a"), Says("b"), Says("c", found=False)).answer("x")
    assert (unable.route, unable.trouble, unable.reply.found) == ("cloud", "none", False)


@pytest.mark.parametrize("table", [Table("learning_tracking", "cloud", 0.4), Table("learning_tracking", truncated=True)])
def test_an_unsure_decision_never_records(table):
    tracking = Says("已记录")
    for wanted in ({}, {"local_only": True}, {"to_cloud": True}):
        answered = Assistant(table, Says("a"), tracking, Says("c")).answer("x", **wanted)
        assert "没有听准" in answered.reply.text and tracking.asked == []


def test_a_handler_that_fails_is_one_line():
    answered = Assistant(Table("course_resource"), Fails(), Says("b"), Says("c")).answer("x")
    assert not answered.reply.found and "import again" in answered.reply.text


@pytest.mark.parametrize("question", ["", " \n", "x" * 4001])
def test_no_question_and_a_huge_one_are_refused(question):
    with pytest.raises(EdgeError, match="1 to 4000 characters"):
        Assistant(Table("simple_qa"), Says("a"), Says("b"), Says("c")).answer(question)


@dataclass
class Passage:
    title: str
    place: str
    passage: str


ANY = st.text(st.characters(codec="utf-8"), max_size=60)


@given(st.text(min_size=1).filter(str.strip), st.lists(st.builds(Passage, ANY, ANY, st.text(max_size=3000)), max_size=8), st.integers(0, 5),
       st.integers(0, 500))
def test_whatever_a_file_holds_it_stays_within_its_json_and_bounds(question, passages, most, characters):
    system, user = CloudContext(lambda _, limit: passages, None, most, characters).of(question).messages
    assert user["content"].startswith(question.strip())
    rest = user["content"][len(question.strip()):]
    files = json.loads(rest.removeprefix("\n\n资料：")) if rest else []
    assert len(files) <= most and sum(len(one["内容"]) for one in files) <= characters and "\n" not in rest.strip()
    assert all(len(one["标题"]) <= 80 and len(one["位置"]) <= 40 for one in files)
    assert system["content"] == CloudContext().of("x").messages[0]["content"]


def test_a_cloud_s_answer_comes_in_parts(plain, running, stand_in):  # noqa: F811
    cloud = Cloud(running.url, "m", None, SHORT)
    turn = Assistant(Table("complex_reasoning", "cloud"), Says("a"), Says("b"), Says("c"), cloud).begin("为什么天空是蓝色的")
    parts = list(turn.parts)
    assert len(parts) > 3 and [part.finish for part in parts if part.finish] == ["stop"] and turn.told.ms["cloud"] > 0
    cloud.close()
