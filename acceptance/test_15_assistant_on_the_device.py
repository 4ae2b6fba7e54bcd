"""Phase 15: the whole assistant in a process of its own - how fast it answers, and what it takes."""

import pytest

from pipeline.data.assistant.tasks import SIMPLE_QA
from pipeline.measure.cold_start import cold_start
from pipeline.measure.latency import latency
from pipeline.measure.memory import memory
from pipeline.measure.power import power
from pipeline.measure.size import size


@pytest.fixture
def asked(assistant_challenge):
    return [sample.query for sample in assistant_challenge]


@pytest.mark.claim("assistant.routing_p95")
def test_routing_is_fast(check, deciding_assistant, asked, settled):
    check(latency(deciding_assistant, asked, settled=settled("assistant.routing_p95")))


@pytest.mark.claim("assistant.simple_qa_p95")
def test_simple_questions_are_answered_fast(check, whole_assistant, assistant_challenge, settled):
    simple = [sample.query for sample in assistant_challenge if sample.task_type == SIMPLE_QA]
    check(latency(whole_assistant, simple, settled=settled("assistant.simple_qa_p95"), metric="answer_latency"))


@pytest.mark.claim("assistant.any_p95")
def test_any_question_is_answered_fast(check, whole_assistant, asked, settled):
    check(latency(whole_assistant, asked, settled=settled("assistant.any_p95"), metric="answer_latency"))


@pytest.mark.claim("assistant.memory")
def test_memory(check, whole_assistant, asked):
    check(memory(whole_assistant, asked, definition="peak_rss"))


@pytest.mark.claim("assistant.size")
def test_the_model_is_small(check, task_shipped):
    check(size(task_shipped))


@pytest.mark.claim("assistant.first_load")
def test_the_first_answer_comes_soon(check, whole_assistant, asked):
    check(cold_start(whole_assistant, asked[0]))


@pytest.mark.claim("assistant.power")
def test_power(check, whole_assistant, asked):
    check(power(whole_assistant, asked))
