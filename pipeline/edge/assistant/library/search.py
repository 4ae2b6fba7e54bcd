"""Which passages hold given terms, at a cost that hardly grows with the index.

Facets (course, chapter, kind) are terms as well, so that FTS5 leaps through the lists of all that is asked, driven by the
rarest.  No list is read further than `LOOKED` rows; how frequent a term is, is estimated from there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.edge.assistant.library.index import Index
from pipeline.edge.assistant.library.terms import normal

LOOKED = 1000  # rows of one list
LEAPS = 20_000  # rows that two lists are compared over at most
CANDIDATES = 400  # passages that are ranked
ASKED = 40  # terms of a question; the rarest of more
SATURATION, TITLE = 1.2, 1.5  # BM25's k1, for the count of a term in a passage; the weight of a term in the file's name


@dataclass(frozen=True)
class Hit:
    """A passage that holds some of the terms, and the file that it is in."""

    score: float
    path: str
    root: str
    course: str
    chapter: int
    kind: str
    title: str
    place: str
    text: str


def search(index: Index, facets: Sequence[str], words: Sequence[str], limit: int) -> list[Hit]:
    """The best passage of each file that has all the facets and some of the words, best file first, at most ``limit``."""
    size = index.read("SELECT coalesce(max(id), 0) FROM passages")[0][0]
    known = {word: count for word in words if (count := _frequency(index, word, size))}
    rarest = sorted(known, key=known.__getitem__)[:ASKED]
    rows = _candidates(index, facets, [word for word in known if word in set(rarest)], known, size)
    weights = {word: math.log(1 + size / known[word]) for word in rarest}
    best: dict[tuple[str, str], Hit] = {}
    for hit in _scored(index, rows, weights):
        here = (hit.root, hit.path)
        if here not in best or best[here].score < hit.score:
            best[here] = hit
    return sorted(best.values(), key=lambda hit: (-hit.score, hit.path, hit.root))[:limit]


def _frequency(index: Index, word: str, size: int) -> int:
    """How many passages hold the word, estimated where more than `LOOKED` do, from how far these reach."""
    count, last = index.read("SELECT count(*), max(rowid) FROM (SELECT rowid FROM terms WHERE terms MATCH ? LIMIT ?)",
                             _match([word]), LOOKED)[0]
    return count if count < LOOKED else max(count, count * size // last)


def _candidates(index: Index, facets: Sequence[str], words: Sequence[str], known: dict[str, int], size: int) -> list[int]:
    """Rows with the facets: those with two neighbouring words of the question first, rarest first, then those with one."""
    pairs = sorted(pairwise(words), key=lambda pair: min(known[word] for word in pair))
    found: dict[int, None] = {}
    for group in [*pairs, *((word,) for word in sorted(words, key=known.__getitem__))]:
        if len(found) >= CANDIDATES:
            break
        rarest = min(known[word] for word in group)
        since = size - size * LEAPS // rarest if rarest > LEAPS else 0  # of a frequent one the newest rows
        found.update(dict.fromkeys(row for row, in index.read(
            "SELECT rowid FROM terms WHERE terms MATCH ? AND rowid > ? LIMIT ?", _match([*facets, *group]), since, CANDIDATES)))
    return list(found)[:CANDIDATES]


def _match(words: Sequence[str]) -> str:
    """FTS5's expression for all of the words; a single character stands for what begins with it."""
    return " AND ".join(f'"{word}"{"*" if len(word) == 1 and not word.isascii() else ""}' for word in words)


def _scored(index: Index, rows: Sequence[int], weights: dict[str, float]) -> Iterator[Hit]:
    """As BM25 weighs terms: rarity, and a count that saturates; what the file's name holds counts beside it."""
    asked = ",".join(map(str, rows))
    found = index.read(f"""SELECT r.path, r.root, c.name, r.chapter, r.kind, r.title, p.place, p.text FROM passages p
                           JOIN resources r ON r.id = p.resource JOIN courses c ON c.id = r.course WHERE p.id IN ({asked})""")
    for path, root, course, chapter, kind, title, place, text in found:
        said, name = normal(text), normal(f"{path.partition('/')[2] or path} {title}")
        score = 0.0
        for word, weight in weights.items():
            count = said.count(word)
            score += weight * ((SATURATION + 1) * count / (SATURATION + count) + TITLE * (word in name))
        yield Hit(score, path, root, course, chapter, kind, title, place, text)
