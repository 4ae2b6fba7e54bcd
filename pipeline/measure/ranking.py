"""Whether the right documents stand first when an embedding or a reranker sorts them, and how near two of them are in what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.data.retrieval.dataset import Document, Question
from pipeline.errors import EdgeError
from pipeline.measure.decisions import paired_artifacts
from pipeline.measure.measurement import Proportion, Sample
from pipeline.progress import Tracker, track

DEPTH = 10

Embed = Callable[[Sequence[str], bool], np.ndarray]
"""Texts, and whether they are queries -> [texts, dimensions] of length 1."""
Score = Callable[[str, str], float]
"""A question and a document -> how likely it is that the second answers the first, 0 to 1."""


@dataclass(frozen=True)
class Ranked:
    """What one model made of a retrieval data set.  ndcg, recall: of each question, at `DEPTH`.  first: whether a right document came
    first.  said: an embedding's vectors of all questions, then all documents; a reranker's scores [questions, candidates]."""

    questions: list[str]
    ndcg: list[float]
    recall: list[float]
    first: list[int]
    said: np.ndarray = field(repr=False)
    artifacts: dict[str, str] = field(default_factory=dict)


def rank_all(embed: Embed, questions: Sequence[Question], documents: Sequence[Document], artifacts: Mapping[str, str]) -> Ranked:
    """Sort all documents by cosine for each question; of equals the one that was given first stands first."""
    if not questions or not documents:
        raise EdgeError(f"expected questions and documents, found {len(questions)} and {len(documents)}; generate retrieval data")
    asked, told = embed([one.text for one in questions], True), embed([one.text for one in documents], False)
    return _ranked(questions, [documents] * len(questions), asked @ told.T, np.concatenate([asked, told]), artifacts)


def rerank(score: Score, questions: Sequence[Question], candidates: Sequence[Sequence[Document]], artifacts: Mapping[str, str]) -> Ranked:
    """Sort each question's candidates by the score; of equals the one that was given first stands first."""
    if not questions or not all(candidates):
        raise EdgeError(f"expected questions with candidates each, found {len(questions)}; generate retrieval data")
    with track("pairs", sum(map(len, candidates))) as bar:
        scores = np.array([[_told(bar, score, question.text, one.text) for one in some]
                           for question, some in zip(questions, candidates, strict=True)])
    return _ranked(questions, candidates, scores, scores, artifacts)


def as_found(questions: Sequence[Question], candidates: Sequence[Sequence[Document]]) -> Ranked:
    """The candidates in the order that they came in: what a reranker has to better."""
    scores = np.array([[-float(place) for place in range(len(some))] for some in candidates])
    return _ranked(questions, candidates, scores, scores, {})


def _told(bar: Tracker, score: Score, question: str, document: str) -> float:
    bar.advance()
    return score(question, document)


def _ranked(questions: Sequence[Question], candidates: Sequence[Sequence[Document]], likeness: np.ndarray, said: np.ndarray,
            artifacts: Mapping[str, str]) -> Ranked:
    ndcg, recall, first = [], [], []
    for question, some, likely in zip(questions, candidates, likeness, strict=True):
        right = [some[at].id in question.relevant for at in np.argsort(-likely, kind="stable")[:DEPTH]]
        ndcg.append(discounted(right) / discounted([True] * min(DEPTH, len(question.relevant))))
        recall.append(sum(right) / min(DEPTH, len(question.relevant)))
        first.append(int(right[0]))
    return Ranked([one.text for one in questions], ndcg, recall, first, said, dict(artifacts))


def discounted(right: Sequence[bool]) -> float:
    """Discounted cumulative gain of a list's right documents (Järvelin and Kekäläinen 2002)."""
    return sum(1 / np.log2(place + 1) for place, is_right in enumerate(right, start=1) if is_right)


def ndcg_loss(reference: Ranked, candidate: Ranked) -> Sample:
    """nDCG@10 that each question loses, in points.  details: both means, and of recall@10 and of the first document too."""
    _check_same(reference, candidate)
    details = {name: {side: float(np.mean(getattr(of, name))) for side, of in (("reference", reference), ("candidate", candidate))}
               for name in ("ndcg", "recall", "first")}
    return Sample(metric="ndcg_loss", unit="points", artifacts=paired_artifacts(reference.artifacts, candidate.artifacts), details=details,
                  values=(np.asarray(reference.ndcg) - np.asarray(candidate.ndcg)).tolist())


def cosine(reference: Ranked, candidate: Ranked) -> Sample:
    """Cosine of both embeddings of each text.  EdgeError where they have other dimensions.  details: the least."""
    _check_said_alike(reference, candidate)
    values = (reference.said * candidate.said).sum(1).astype(float)
    return Sample(metric="cosine", unit="proportion", artifacts=paired_artifacts(reference.artifacts, candidate.artifacts),
                  details={"least": float(values.min())}, values=values.tolist())


def moved(reference: Ranked, candidate: Ranked) -> Sample:
    """How far each pair's score has moved, either way.  EdgeError where they judged other numbers of candidates.  details: the most."""
    _check_said_alike(reference, candidate)
    values = np.abs(reference.said - candidate.said).ravel()
    return Sample(metric="score_moved", unit="proportion", artifacts=paired_artifacts(reference.artifacts, candidate.artifacts),
                  details={"most": float(values.max())}, values=values.tolist())


def first_found(ranked: Ranked) -> Proportion:
    """1 a question whose first document is right."""
    return Proportion(metric="first_found", unit="proportion", artifacts=dict(ranked.artifacts), outcomes=ranked.first,
                      items=ranked.questions, details={"ndcg": float(np.mean(ranked.ndcg)), "recall": float(np.mean(ranked.recall))})


def _check_same(reference: Ranked, candidate: Ranked) -> None:
    if reference.questions != candidate.questions:
        raise EdgeError("expected both models to be asked the same questions, found others; measure both again")


def _check_said_alike(reference: Ranked, candidate: Ranked) -> None:
    _check_same(reference, candidate)
    if reference.said.shape != candidate.said.shape:
        raise EdgeError(f"expected embeddings of as many dimensions, or scores of as many candidates, found {reference.said.shape[1]} and "
                        f"{candidate.said.shape[1]}; compare what was made of the same model")
