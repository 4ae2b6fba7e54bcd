"""Phase 15: what the assistant says without asking a model, at any size, and that nothing in it is made up."""

import pytest

from pipeline.data.assistant.tasks import SIMPLE_QA
from pipeline.measure.card_answers import card_answers
from pipeline.measure.faithfulness import unfaithful
from pipeline.measure.retrieval import retrieval, retrieval_time
from pipeline.measure.satisfaction import satisfaction
from pipeline.measure.tracking import progress_time
from pipeline.runtime.decision import LOCAL

SIZES = {"100": 100, "10000": 10_000, "1000000": 1_000_000}


@pytest.mark.claim("assistant.retrieval")
def test_the_right_file_comes_first(check, course_library, assistant_challenge):
    with course_library(SIZES["10000"]) as library:
        check(retrieval(library.find, assistant_challenge, library.resources))


@pytest.mark.claim("assistant.retrieval_p95_100")
def test_a_hundred_files_are_searched_fast(check, course_library, assistant_challenge):
    with course_library(SIZES["100"]) as library:
        check(retrieval_time(library.answer, assistant_challenge, library.size))


@pytest.mark.claim("assistant.retrieval_p95_10000")
def test_ten_thousand_files_are_searched_fast(check, course_library, assistant_challenge):
    with course_library(SIZES["10000"]) as library:
        check(retrieval_time(library.answer, assistant_challenge, library.size))


@pytest.mark.claim("assistant.retrieval_p95_1000000")
def test_a_million_files_are_searched_fast(check, course_library, assistant_challenge):
    with course_library(SIZES["1000000"]) as library:
        check(retrieval_time(library.answer, assistant_challenge, library.size))


@pytest.mark.claim("assistant.progress_p95_100")
def test_a_short_record_answers_fast(check, study_record, assistant_challenge, course_names):
    with study_record(SIZES["100"]) as record:
        check(progress_time(record, course_names, [sample.query for sample in assistant_challenge]))


@pytest.mark.claim("assistant.progress_p95_10000")
def test_a_long_record_answers_fast(check, study_record, assistant_challenge, course_names):
    with study_record(SIZES["10000"]) as record:
        check(progress_time(record, course_names, [sample.query for sample in assistant_challenge]))


@pytest.mark.claim("assistant.progress_p95_1000000")
def test_a_record_of_a_million_answers_fast(check, study_record, assistant_challenge, course_names):
    with study_record(SIZES["1000000"]) as record:
        check(progress_time(record, course_names, [sample.query for sample in assistant_challenge]))


@pytest.mark.claim("assistant.faithful")
def test_nothing_is_made_up(check, handlers, assistant_challenge):
    check(unfaithful([handlers[sample.task_type].answer(sample.query) for sample in assistant_challenge if sample.route == LOCAL]))


def test_the_right_fact_beside_the_targets(check, handlers, assistant_challenge):
    check.observe("assistant.card_answers", "simple questions answered with the fact that was asked for", "简单问答给出所问事实的比例",
                  "15 assistant", card_answers(handlers[SIMPLE_QA], assistant_challenge))


@pytest.mark.claim("assistant.satisfaction")
def test_students_are_satisfied(check, students_ratings):
    check(satisfaction(students_ratings))


@pytest.mark.parametrize("size", [1000, 100_000])
def test_the_cost_between(check, few_enough, course_library, study_record, assistant_challenge, course_names, size):
    few_enough(size)
    with course_library(size) as library:
        check.observe(f"assistant.retrieval_time_{size}", f"a search among {size:,} course files", f"{size:,} 份资料中的检索耗时",
                      "15 assistant", retrieval_time(library.answer, assistant_challenge, library.size))
    with study_record(size) as record:
        check.observe(f"assistant.progress_time_{size}", f"a question on a record of {size:,} entries", f"{size:,} 条记录的查询耗时",
                      "15 assistant", progress_time(record, course_names, [sample.query for sample in assistant_challenge]))
