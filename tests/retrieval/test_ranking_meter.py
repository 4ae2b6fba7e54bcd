"""nDCG, recall, cosine, moved scores: known by hand, and the claim's verdict on a planted loss."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.retrieval.dataset import Document, Question
from pipeline.errors import EdgeError
from pipeline.measure.ranking import Ranked, as_found, cosine, discounted, first_found, moved, ndcg_loss, rank_all, rerank
from pipeline.verdict.judge import judge
from pipeline.verdict.thresholds import read_thresholds

THRESHOLDS = read_thresholds(Path(__file__).parents[2] / "thresholds.yaml")
DOCUMENTS = [Document(f"d{at}", f"{at}") for at in range(12)]


def embed(texts, query):
    """A text's number is its angle, in steps of 5 degrees."""
    angles = np.radians([5 * float(text) for text in texts])
    return np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)


def test_by_hand():
    found = rank_all(embed, [Question("0.1", ("d0",)), Question("0.1", ("d2", "d11")), Question("11", ("d0",))], DOCUMENTS, {})
    best = 1 + 1 / math.log2(3)
    assert found.ndcg == pytest.approx([1, (1 / math.log2(4)) / best, 0]) and found.recall == [1, 0.5, 0] and found.first == [1, 0, 0]
    assert first_found(found).outcomes == [1, 0, 0]


@given(st.lists(st.booleans(), min_size=1, max_size=10), st.randoms())
def test_the_best_order_gains_most(right, rng):
    shuffled = rng.sample(right, len(right))
    assert discounted(shuffled) <= discounted(sorted(right, reverse=True)) + 1e-9


def ranked(ndcg, vectors):
    n = len(ndcg)
    return Ranked([f"q{at}" for at in range(n)], list(ndcg), [1.0] * n, [1] * n, np.asarray(vectors, np.float32), {"m": "key"})


@pytest.mark.parametrize(("lost", "state"), [(0.0, "pass"), (0.004, "pass"), (0.05, "fail")])
def test_a_loss_is_seen(lost, state):
    rng = np.random.default_rng(0)
    before = rng.uniform(0.3, 0.9, 400)
    after = np.clip(before - lost + rng.normal(0, 0.02, 400), 0, 1)
    vectors = np.eye(2)[rng.integers(0, 2, 400)]
    target = THRESHOLDS.claims["embedding.int8_ndcg"]
    assert judge(ndcg_loss(ranked(before, vectors), ranked(after, vectors)), target).state == state


def test_a_straddling_mean_says_how_many_would_settle_it():
    before, vectors = np.full(400, 0.5), np.ones((400, 1))
    lost = 0.008 + np.tile([-0.05, 0.05], 200)
    verdict = judge(ndcg_loss(ranked(before, vectors), ranked(before - lost, vectors)), THRESHOLDS.claims["embedding.int8_ndcg"])
    assert verdict.state == "inconclusive" and 400 < verdict.needed < 20_000


def test_other_questions_and_dimensions_are_refused():
    one, other = ranked([1.0], [[1, 0]]), ranked([1.0], [[1, 0, 0]])
    with pytest.raises(EdgeError, match="expected embeddings of as many dimensions, or scores of as many candidates, found 2 and 3"):
        cosine(one, other)
    with pytest.raises(EdgeError, match="expected both models to be asked the same questions"):
        ndcg_loss(one, ranked([1.0, 1.0], [[1, 0]] * 2))
    with pytest.raises(EdgeError, match="expected questions and documents, found 0 and 12"):
        rank_all(embed, [], DOCUMENTS, {})


def test_a_reranker_sorts_the_candidates_and_their_order_settles_ties():
    questions, some = [Question("q", ("d2",))], [DOCUMENTS[:4]]
    knows = rerank(lambda question, document: float(document == "2"), questions, some, {})
    silent = rerank(lambda question, document: 0.5, questions, some, {})
    assert knows.ndcg == [1] and knows.first == [1] and silent.ndcg == as_found(questions, some).ndcg == pytest.approx([1 / math.log2(4)])
    assert ndcg_loss(knows, silent).values == pytest.approx([0.5])
    assert moved(knows, silent).values == [0.5] * 4 and moved(knows, silent).details == {"most": 0.5}


def test_a_right_document_that_the_search_missed_cannot_be_found():
    found = rerank(lambda question, document: float(document), [Question("q", ("d9",))], [DOCUMENTS[:4]], {})
    assert (found.ndcg, found.recall, found.first) == ([0], [0], [0])


def test_a_question_without_candidates_is_refused():
    with pytest.raises(EdgeError, match="expected questions with candidates each, found 1"):
        rerank(lambda question, document: 0.0, [Question("q", ("d9",))], [[]], {})
