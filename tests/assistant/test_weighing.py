"""What the device reads in a question, and how it is weighed with what the model says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.assistant.courses import all_courses
from pipeline.data.assistant.library import resources
from pipeline.edge.assistant.cards import Cards, of_courses
from pipeline.edge.assistant.deploying import deploy
from pipeline.edge.assistant.evidence import READINGS, Evidence
from pipeline.edge.assistant.known_courses import KnownCourses
from pipeline.edge.assistant.library.index import Index
from pipeline.edge.assistant.opened import open_assistant
from pipeline.edge.assistant.weighing import FILE, Weighed, fit, make_weights, read_weights
from pipeline.edge.assistant.workspace import Workspace, init
from pipeline.edge.classifier import Classifier
from pipeline.errors import EdgeError
from pipeline.measure.whole_assistant import WholeAssistant
from pipeline.runtime.decision import softmax
from tests.assistant.tasks_model import TASK_WORDS, build

CARDS = Cards(of_courses(all_courses()))
DECISION = {"alpha": 0.1, "least_confidence": 0.0, "confidence_threshold": 0.5}
SAID = {"course_resource": "电磁学第{}章有没有讲义", "learning_tracking": "学电磁学用去{}分钟，记上", "simple_qa": "告诉我电场强度{}",
        "complex_reasoning": "请论证第{}个结论"}


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    with Index.open(tmp_path_factory.mktemp("index") / "index.sqlite") as index:
        index.add(resources())
        yield Evidence(KnownCourses(index, CARDS.cards), CARDS)


@pytest.fixture(scope="module")
def built(evidence: Evidence, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model that knows a few words, and a decision with weights fitted on questions that have none of them."""
    model, decision = build(tmp_path_factory.mktemp("built"))
    asked = [(said.format(number), task) for number in range(1, 13) for task, said in SAID.items()]
    make_weights(decision, Classifier.open(model, decision, 1), evidence, asked, DECISION)
    return model, decision


@pytest.mark.parametrize(("question", "read"), [
    ("打开电磁学第三章的课件", {"course", "chapter", "kind", "files"}),
    ("今天学了40分钟高等数学", {"logs", "course"}),
    ("这周学了多久", {"asks"}),
    ("电场强度的单位是什么", {"card", "aspect"}),
    ("推导一下高斯定理", {"card", "reasoning"}),
    ("你好", set()),
    ("好" * 4000 + "推导", set())])
def test_what_is_read(question: str, read: set[str], evidence: Evidence) -> None:
    assert {name for name, holds in zip(READINGS, evidence.of(question), strict=True) if holds} == read


def test_without_an_index_the_rest_is_read(evidence: Evidence) -> None:
    def damaged() -> list:
        raise EdgeError("the index is damaged")
    found = dict(zip(READINGS, Evidence(damaged, CARDS).of("电磁学里电场强度的单位是什么"), strict=True))
    assert found["aspect"] and not found["course"]


def test_what_is_read_decides_where_the_model_knows_no_word(built: tuple[Path, Path], evidence: Evidence) -> None:
    model, decision = built
    alone = Classifier.open(model, decision, 1)
    weighed = Weighed.open(alone, evidence, decision)
    asked = [(said.format(number), task) for number in (20, 30) for task, said in SAID.items()]
    right = [sum(one.decide(query).intent == task for query, task in asked) for one in (alone, weighed)]
    assert right[1] == len(asked) > right[0]


def test_what_the_model_is_sure_of_stays(built: tuple[Path, Path], evidence: Evidence) -> None:
    model, decision = built
    weighed = Weighed.open(Classifier.open(model, decision, 1), evidence, decision)
    assert all(weighed.decide("，".join(words)).intent == task for task, words in TASK_WORDS.items())


def test_the_threshold_and_what_was_gained_are_told(built: tuple[Path, Path], evidence: Evidence) -> None:
    told = json.loads((built[1] / FILE).read_text(encoding="utf-8"))
    assert told["confidence_threshold"] == 0.5 and told["n"] == 48 and told["accuracy"]["weighed"] > told["accuracy"]["model"]
    weighed = Weighed.open(Classifier.open(*built, 1), evidence, built[1])
    assert weighed.decide("你好").confidence_threshold == 0.5


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_the_order_of_the_tasks_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits, read, truth = rng.normal(size=(60, 4)), rng.integers(0, 2, (60, 3)).astype(float), rng.integers(0, 4, 60)
    turned = rng.permutation(4)
    one, other = fit(logits, read, truth), fit(logits[:, turned], read, np.argsort(turned)[truth])
    difference = one.scores(logits, read)[:, turned] - other.scores(logits[:, turned], read)
    assert np.ptp(difference, axis=1).max() < 0.02  # scores that differ by a constant are the same


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_the_weights_are_the_best_ones(seed: int) -> None:
    """Of near ones, in any direction, none has a lower loss."""
    rng = np.random.default_rng(seed)
    logits, read, truth = rng.normal(size=(40, 4)), rng.integers(0, 2, (40, 3)).astype(float), rng.integers(0, 4, 40)
    best = fit(logits, read, truth)

    def loss(scale: float, base: np.ndarray, readings: np.ndarray) -> float:
        scores = scale * logits + base + read @ readings
        odds = np.log(np.exp(scores).sum(1)) - scores.T
        share, true = 1 / 42, odds[truth, np.arange(len(truth))]
        return float(((1 - share) * true + share / 3 * (odds.sum(0) - true)).sum() + 0.5 * (readings ** 2).sum())

    least = loss(best.scale, best.base, best.readings)
    for _ in range(10):
        step = rng.normal(size=17) / 20
        assert loss(best.scale + step[0], best.base + step[1:5], best.readings + step[5:].reshape(3, 4)) > least - 1e-4


def test_right_on_all_is_not_certain_of_everything() -> None:
    truth = np.arange(40) % 4
    weights = fit(5 * np.eye(4)[truth], np.zeros((40, 3)), truth)
    assert 0.9 < softmax(weights.scores(5 * np.eye(4)[truth], np.zeros((40, 3)))).max() < 1 - 1 / 100


@pytest.mark.parametrize("broken", [
    {"version": 2}, {"scale": "much"}, {"scale": float("inf")}, {"readings": {}}, {"base": {"course_resource": 1}}, {"base": None}])
def test_broken_weights_are_refused(broken: dict, built: tuple[Path, Path], tmp_path: Path) -> None:
    content = json.loads((built[1] / FILE).read_text(encoding="utf-8"))
    (tmp_path / FILE).write_text(json.dumps({**content, **broken}), encoding="utf-8")
    with pytest.raises(EdgeError, match=f"{FILE}: expected what evidence weighs .*; make the decision again"):
        read_weights(tmp_path / FILE, list(TASK_WORDS))


@pytest.fixture
def workspace(built: tuple[Path, Path], tmp_path: Path) -> Workspace:
    init(tmp_path / "me")
    made = Workspace.open(tmp_path / "me")
    deploy(made, *built)
    with Index.open(made.index) as index:
        index.add(resources())
    return made


def test_the_assistant_weighs(workspace: Workspace) -> None:
    with open_assistant(workspace) as assistant:
        assert isinstance(assistant.classifier, Weighed)
        assert assistant.answer("学电磁学用去25分钟，记上").task == "learning_tracking"
    (workspace.deployed("decision") / FILE).unlink()  # as it was before there were weights
    with open_assistant(workspace) as assistant:
        assert isinstance(assistant.classifier, Classifier)


def test_to_decide_records_nothing(workspace: Workspace) -> None:
    before = {path: path.stat().st_size for path in workspace.root.rglob("*.jsonl")}
    whole = WholeAssistant(workspace.root, deciding=True)
    assert whole.decide("今天学了40分钟电磁学").intent == "learning_tracking" and len(whole.decide("推导").logits) == 4
    with open_assistant(workspace) as assistant:
        assert "40" not in assistant.tracking.answer("今天学了多久").text
    assert {path: path.stat().st_size for path in workspace.root.rglob("*.jsonl")} == before
