from __future__ import annotations

import json
import random
import subprocess
import sys

import pytest

from pipeline.base.corpus import HELD_OUT, Class, Task, Writer, about_topic, documents, sources, tasks
from pipeline.base.noise import colloquial
from pipeline.base.reference import Reference
from pipeline.data.generate import generate
from pipeline.data.grammar import all_grammars
from pipeline.data.near import NearIndex, bigrams, jaccard

SEED = 20260101


def test_the_same_seed_gives_the_same_documents() -> None:
    assert list(documents(500, 1)) == list(documents(500, 1))
    assert list(documents(500, 1)) != list(documents(500, 2))


def test_the_order_of_sets_does_not_matter() -> None:
    """The same documents in a process with another hash seed."""
    code = "import hashlib;from pipeline.base.corpus import documents;" \
           "print(hashlib.sha256('|'.join(d.text for d in documents(300, 1, ['什么是引力'])).encode()).hexdigest())"
    found = {subprocess.run([sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
                            capture_output=True, text=True, check=True).stdout for seed in "12"}
    assert len(found) == 1


def test_it_is_rich() -> None:
    source = sources()
    words = {word for body in source["topics"].values() for kind in "nva" for word in body[kind]}
    assert len(words) >= 2500 and len(source["topics"]) >= 60 and len(source["domains"]) >= 25
    assert len({document.text for document in documents(5000, SEED)}) > 4500


def test_every_frame_is_filled() -> None:
    assert not any("{" in document.text or "\0" in document.text for document in documents(5000, SEED))


def test_the_intent_task_is_never_seen() -> None:
    assert not any("意图" in document.text for document in documents(20_000, SEED))


def test_weather_and_time_are_never_asked_for() -> None:
    writer = Writer(random.Random(0))
    asked = {act for _, act in HELD_OUT}
    for topic in {topic for topic, _ in HELD_OUT}:
        found = {writer.of(Class(topics=(topic,))).tags.get("动作") for _ in range(300)}
        assert not any((topic, act) in HELD_OUT for act in found)
    assert asked <= set(sources()["acts"])


def test_a_task_answers_by_the_first_class_that_holds() -> None:
    task = Task("t", (Class(topics=("天气",)), Class(acts=("问定义",)), Class(domains=("闹钟",))), ("C", "A", "B"))
    assert task.letter({"话题": "天气", "动作": "问定义"}) == "C"
    assert task.letter({"话题": "历史", "动作": "问定义"}) == "A"
    assert task.letter({"领域": "闹钟"}) == "B" and task.letter({"动作": "问候"}) is None


def test_letters_of_a_task_differ() -> None:
    for task in tasks(60, random.Random(4)):
        assert len(set(task.letters)) == len(task.letters) == len(task.classes) >= 2


def test_a_topic_is_named_only_where_a_word_of_it_stands() -> None:
    writer = Writer(random.Random(0))
    for _ in range(200):
        spoken = writer.of(Class(acts=("计算",)))
        assert "话题" not in spoken.tags
    assert about_topic("计算") == []


def _sentences(exclude: list[str], count: int) -> set[str]:
    """What the corpus says: every piece but prompts, letters and names of classes ("时间" is a topic's name)."""
    source = sources()
    names = {*source["topics"], *source["acts"], *source["domains"]}
    return {piece for document in documents(count, SEED, exclude) for piece, weight in document.pieces
            if weight and len(piece) > 1 and piece not in names}


def _near(texts: list[str]) -> NearIndex:
    index = NearIndex()
    for text in texts:
        index.add(text, text)
    return index


def test_an_excluded_query_does_not_occur() -> None:
    """The planted fault: without `exclude` the sentences are there."""
    index = _near(common := ["什么是细胞", "再见", "你几岁了", "讲故事哄我"])
    assert any(any(index.find(text)) for text in _sentences([], 5000))
    assert not any(any(index.find(text)) for text in _sentences(common, 5000))


@pytest.fixture(scope="module")
def queries(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The queries of all four generated sets, and the lines of the grammars."""
    paths = generate(tmp_path_factory.mktemp("data"))
    found = [json.loads(line)["query"] for path in paths.values() for line in path.read_text("utf-8").splitlines()]
    return found + [grammar.template for grammar in all_grammars()]


def test_no_query_and_no_grammar_occurs(queries: list[str]) -> None:
    """Exactly, and by a comparison with every query that shares a bigram, not only those the index proposes."""
    said = _sentences(queries, Reference().documents)
    assert len(said) > 20_000 and not said & set(queries)
    index = _near(queries)
    assert not any(any(index.find(text)) for text in said)
    grams = [bigrams(query) for query in queries]
    for text in random.Random(0).sample(sorted(said), 200):
        assert max(jaccard(bigrams(text), other) for other in grams) < 0.8, text


def test_noise_keeps_most_of_the_sentence() -> None:
    rng, slots = random.Random(0), sources()["slots"]
    said = [colloquial("你觉得编程难吗", rng, slots) for _ in range(300)]
    assert sum("编程" in one for one in said) > 240
    assert len(set(said)) > 50


def test_light_import() -> None:
    code = "import sys, pipeline.base, pipeline.base.hub, pipeline.base.corpus, pipeline.base.reference, pipeline.base.shape;" \
           "assert not {'torch', 'transformers', 'tokenizers'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": "."}, check=True)
