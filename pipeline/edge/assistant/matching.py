"""Which passages of the student's files match a question well enough to go to the cloud with it."""

from __future__ import annotations

from pipeline.edge.assistant.library.finding import Found, passages, request_of
from pipeline.edge.assistant.library.index import Index
from pipeline.edge.assistant.library.terms import normal

SHARED = 2  # terms of the question that a passage must hold, all where there are fewer: one is shared by chance


def matching(index: Index, question: str, limit: int) -> list[Found]:
    """The best passages, at most ``limit``; none that shares but a term with the question."""
    words = request_of(question, index.courses()).words
    return [found for found in passages(index, question, limit)
            if sum(word in normal(f"{found.title} {found.passage}") for word in words) >= min(SHARED, len(words))]
