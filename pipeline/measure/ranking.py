"""Whether the right documents stand first when an embedding sorts them, and how near two embeddings of the same texts are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.data.retrieval.dataset import Document, Question
from pipeline.errors import EdgeError
from pipeline.measure.decisions import paired_artifacts
from pipeline.measure.measurement import Proportion, Sample

DEPTH = 10

Embed = Callable[[Sequence[str], bool], np.ndarray]
"""Texts, and whether they are queries -> [texts, dimensions] of length 1."""


@dataclass(frozen=True)
class Ranked:
    """What one embedding made of a retrieval data set.  ndcg, recall: of each question, at `DEPTH`.  first: whether a right document
    came first.  vectors: of all questions, then all documents."""

    questions: list[str]
    ndcg: list[float]
    recall: list[float]
    first: list[int]
    vectors: np.ndarray = field(repr=False)
    artifacts: dict[str, str] = field(default_factory=dict)


def rank_all(embed: Embed, questions: Sequence[Question], documents: Sequence[Document], artifacts: Mapping[str, str]) -> Ranked:
    """Sort all documents by cosine for each question; of equals the one that was given first stands first."""
    if not questions or not documents:
        raise EdgeError(f"expected questions and documents, found {len(questions)} and {len(documents)}; generate retrieval data")
    asked, told = embed([one.text for one in questions], True), embed([one.text for one in documents], False)
    ids, ndcg, recall, first = [one.id for one in documents], [], [], []
    for question, likeness in zip(questions, asked @ told.T, strict=True):
        best = np.argsort(-likeness, kind="stable")[:DEPTH]
        right = [ids[at] in question.relevant for at in best]
        ndcg.append(discounted(right) / discounted([True] * min(DEPTH, len(question.relevant))))
        recall.append(sum(right) / min(DEPTH, len(question.relevant)))
        first.append(int(right[0]))
    return Ranked([one.text for one in questions], ndcg, recall, first, np.concatenate([asked, told]), dict(artifacts))


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
    _check_same(reference, candidate)
    if reference.vectors.shape != candidate.vectors.shape:
        raise EdgeError(f"expected embeddings of as many dimensions, found {reference.vectors.shape[1]} and {candidate.vectors.shape[1]}; "
                        "compare what was made of the same model")
    values = (reference.vectors * candidate.vectors).sum(1).astype(float)
    return Sample(metric="cosine", unit="proportion", artifacts=paired_artifacts(reference.artifacts, candidate.artifacts),
                  details={"least": float(values.min())}, values=values.tolist())


def first_found(ranked: Ranked) -> Proportion:
    """1 a question whose first document is right."""
    return Proportion(metric="first_found", unit="proportion", artifacts=dict(ranked.artifacts), outcomes=ranked.first,
                      items=ranked.questions, details={"ndcg": float(np.mean(ranked.ndcg)), "recall": float(np.mean(ranked.recall))})


def _check_same(reference: Ranked, candidate: Ranked) -> None:
    if reference.questions != candidate.questions:
        raise EdgeError("expected both embeddings to be asked the same questions, found others; measure both again")
