from __future__ import annotations

import random
import subprocess
import sys

import pytest

from pipeline.base.corpus import KINDS, Speaker, documents, tasks, utterances
from pipeline.base.reference import Reference
from pipeline.data.generate import generate
from pipeline.data.grammar import all_grammars
from pipeline.data.near import NearIndex, bigrams, jaccard
from pipeline.data.records import read_records

SEED = 20260101


def test_the_same_seed_gives_the_same_documents():
    assert list(documents(500, 1)) == list(documents(500, 1))
    assert list(documents(500, 1)) != list(documents(500, 2))


def test_the_order_of_sets_does_not_matter():
    code = ("import hashlib;from pipeline.base.corpus import documents;"
            "print(hashlib.sha256('|'.join(d.text for d in documents(300, 1, ['什么是引力'])).encode()).hexdigest())")
    found = {subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
                            capture_output=True, text=True, check=True).stdout for seed in "12"}
    assert len(found) == 1


def test_it_is_rich_and_clean():
    texts = [utterance.text for utterance in utterances()]
    assert len(set(texts)) > 36_000 and len({utterance.category for utterance in utterances()}) > 90
    assert all(isinstance(text, str) and text.strip() and "<|" not in text for text in texts)
    assert len({character for text in texts for character in text}) > 2500


def test_every_utterance_is_of_a_known_kind_and_every_intent_has_one():
    assert {utterance.kind for utterance in utterances()} == set(KINDS)
    assert {intent for intent, _ in KINDS.values()} == {grammar.intent for grammar in all_grammars()}


def test_no_utterance_is_of_two_kinds():
    kinds: dict[str, set[str]] = {}
    for utterance in utterances():
        kinds.setdefault(utterance.text, set()).add(utterance.kind)
    assert [text for text, of in kinds.items() if len(of) > 1] == []


def test_the_intent_task_is_never_seen():
    assert not any("判断意图" in document.text for document in documents(20_000, SEED))


def test_a_task_has_a_letter_of_its_own_for_each_kind():
    for task in tasks(random.Random(4)):
        assert set(task.letters) == set(KINDS) and len(set(task.letters.values())) == len(KINDS)


def test_an_excluded_query_does_not_occur():
    """The planted fault: without `exclude` the sentences are there."""
    said = Speaker(random.Random(0))
    common = [said.say().text for _ in range(40)]
    index = NearIndex()
    for query in common:
        index.add(query, query)
    free, bound = Speaker(random.Random(0)), Speaker(random.Random(0), common)
    assert all(any(index.find(free.say().text)) for _ in range(40))
    assert not any(any(index.find(bound.say().text)) for _ in range(4000))


@pytest.fixture(scope="module")
def queries(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The queries of all four generated sets."""
    paths = generate(tmp_path_factory.mktemp("data"))
    return [record.query for path in paths.values() for record in read_records(path)]


def test_no_query_of_any_set_occurs(queries: list[str]):
    """Exactly, and for a sample by a comparison with every query, not only those the index proposes."""
    texts = [document.pieces[0][0] if len(document.pieces) < 5 else document.pieces[1][0]
             for document in documents(Reference().documents // 4, SEED, queries)]
    assert not set(texts) & set(queries)
    grams = [bigrams(query) for query in queries]
    for text in random.Random(0).sample(sorted(set(texts)), 200):
        assert max(jaccard(bigrams(text), other) for other in grams) < 0.8, text


def test_light_import():
    code = ("import sys, pipeline.base, pipeline.base.hub, pipeline.base.reference; "
            "assert not {'torch', 'transformers'} & set(sys.modules)")
    subprocess.run([sys.executable, "-c", code], check=True)
