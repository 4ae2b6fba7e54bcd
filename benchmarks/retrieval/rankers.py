"""Ways to rank files by words: each a file of passages and the question's terms; filters and their relaxation are the library's."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from benchmarks.retrieval.lsa import Lsa
from pipeline.data.assistant.resource import Resource
from pipeline.edge.assistant.library.finding import facets_of, find, relaxed, request_of
from pipeline.edge.assistant.library.index import Index
from pipeline.edge.assistant.library.request import Request
from pipeline.edge.assistant.library.search import search
from pipeline.edge.assistant.library.terms import normal
from pipeline.edge.assistant.library.vocabulary import vocabulary, without

DEPTH, POOL = 5, 50
Terms = Callable[[str], list[str]]
Rank = Callable[[Request], list[str]]


def ours(index: Index) -> Callable[[str], list[str]]:
    return lambda question: [one.path for one in find(index, request_of(question, index.courses()), DEPTH)]


def by(index: Index, rank: Rank) -> Callable[[str], list[str]]:
    """The library's request and relaxation, with another rank where there are words."""
    def ask(question: str) -> list[str]:
        for asked in relaxed(index, request_of(question, index.courses())):
            paths = rank(asked) if asked.words else [one.path for one in find(index, asked, DEPTH)]
            if paths:
                return paths
        return []

    return ask


class Fts:
    """FTS5 with its own bm25 over all rows that hold one of the terms."""

    def __init__(self, resources: Iterable[Resource], tokenizer: str, terms: Terms) -> None:
        self.terms, self.database = terms, sqlite3.connect(":memory:")
        self.database.execute(f"CREATE VIRTUAL TABLE rows USING fts5 (words, path UNINDEXED, course UNINDEXED, chapter UNINDEXED, "
                              f"kind UNINDEXED, tokenize='{tokenizer}')")
        self.database.executemany("INSERT INTO rows VALUES (?,?,?,?,?)", (
            (self._words(f"{one.path} {one.title} {text}"), one.path, one.course, one.chapter, one.kind)
            for one in resources for text in one.text or ("",)))

    def _words(self, text: str) -> str:
        return normal(text) if self.terms is trigrams else " ".join(self.terms(text))

    def __call__(self, request: Request) -> list[str]:
        asked = self.terms(without(request.rest, vocabulary().dropped))
        if not asked:
            return []
        stated = {name: value for name in ("course", "chapter", "kind") if (value := getattr(request, name)) is not None}
        where = "".join(f" AND {name} = ?" for name in stated)
        rows = self.database.execute(f"SELECT path FROM rows WHERE rows MATCH ? {where} ORDER BY rank LIMIT {POOL}",
                                     (" OR ".join(f'"{term}"' for term in asked), *stated.values()))
        return list(dict.fromkeys(path for path, in rows))[:DEPTH]


class WithVectors:
    """The library's candidates and as many of the nearest vectors, by the sum of both scores, each as a share of its best."""

    def __init__(self, index: Index, vectors: Lsa, weight: float) -> None:
        self.index, self.vectors, self.weight = index, vectors, weight

    def __call__(self, request: Request) -> list[str]:
        hits = search(self.index, facets_of(self.index, request) or [], request.words, request.rest, POOL)
        near = dict(islice(self._passing(request), POOL))
        best, nearest = max((hit.score for hit in hits), default=0.0) or 1.0, max(near.values(), default=0.0) or 1.0
        scores = {hit.path: hit.score / best for hit in hits}
        for path, cosine in near.items():
            scores[path] = scores.get(path, 0.0) + self.weight * cosine / nearest
        return sorted(scores, key=lambda path: (-scores[path], path))[:DEPTH]

    def _passing(self, request: Request) -> Iterator[tuple[str, float]]:
        stated = {name: value for name in ("course", "chapter", "kind") if (value := getattr(request, name)) is not None}
        for resource, cosine in self.vectors.nearest(request.rest):
            if all(getattr(resource, name) == value for name, value in stated.items()):
                yield resource.path, cosine


def trigrams(text: str) -> list[str]:
    words = [word for word in normal(text).split() if len(word) > 2]
    return list(dict.fromkeys(word[at:at + 3].replace('"', "") for word in words for at in range(len(word) - 2)))


def jieba_terms(text: str) -> list[str]:
    import jieba

    jieba.setLogLevel(60)
    return [word for word in jieba.cut_for_search(normal(text)) if word.isalnum()]


