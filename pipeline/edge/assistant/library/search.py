"""Which passages hold given terms, at a cost that hardly grows with the index.

Facets (course, chapter, kind) are terms as well, so that FTS5 leaps through the lists of all that is asked, driven by the
rarest.  No list is read further than `LOOKED` rows; how frequent a term is, is estimated from there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pipeline.edge.assistant.library.filing import chapter_title
from pipeline.edge.assistant.library.index import Index
from pipeline.edge.assistant.library.terms import asked_terms, normal

LOOKED = 1000  # rows of one list
LEAPS = 20_000  # rows that two lists are compared over at most
CANDIDATES = 400  # passages that are ranked
ASKED = 40  # terms of a question; the rarest of more
SATURATION = 1.2  # BM25's k1
NAMED, NEAR, WHOLE, WEAK = 1.0, 2.0, 1.0, 0.3  # weights: in the file's name; side by side; a chapter's whole title; of a dropped word


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


def search(index: Index, facets: Sequence[str], words: Sequence[str], rest: str, limit: int) -> list[Hit]:
    """The best passage of each file that has all the facets and some of the words, best file first, at most ``limit``.

    ``rest``: the text that the words are from; what else is in it weighs in.
    """
    size = index.read("SELECT coalesce(max(id), 0) FROM passages")[0][0]
    counts = {word: count for word in dict.fromkeys((*words, *asked_terms(rest))) if (count := _frequency(index, word, size))}
    known = {word: counts[word] for word in sorted(counts, key=counts.__getitem__)[:ASKED]}
    weights = {word: math.log(1 + size / count) * (1 if word in words else WEAK) for word, count in known.items()}
    rows = _candidates(index, facets, [word for word in words if word in known], known, size)
    best: dict[tuple[str, str], Hit] = {}
    for hit in _scored(index, rows, weights, rest):
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


def _scored(index: Index, rows: Sequence[int], weights: dict[str, float], rest: str) -> Iterator[Hit]:
    """As BM25 weighs terms: rarity, and a count that saturates.  What the file's name holds counts beside it, and so do pairs that
    overlap as in the question, and a chapter whose whole title was said."""
    asked, said = ",".join(map(str, rows)), normal(rest)
    near = {a + b[1]: NEAR * (weights[a] + weights[b]) / 2 for a in weights for b in weights
            if len(a) == len(b) == 2 and a[1] == b[0] and a + b[1] in said}
    found = index.read(f"""SELECT r.path, r.root, c.name, r.chapter, r.kind, r.title, p.place, p.text FROM passages p
                           JOIN resources r ON r.id = p.resource JOIN courses c ON c.id = r.course WHERE p.id IN ({asked})""")
    for path, root, course, chapter, kind, title, place, text in found:
        here, name = normal(text), normal(f"{path} {title}")
        score = sum(weight * ((SATURATION + 1) * (count := here.count(word)) / (SATURATION + count) + NAMED * (word in name))
                    for word, weight in weights.items())
        score += sum(weight for word, weight in near.items() if word in here or word in name)
        if (heading := chapter_title(path)) and normal(heading) in said:
            score += WHOLE * sum(weights.get(pair, 0.0) for pair in asked_terms(heading))
        yield Hit(score, path, root, course, chapter, kind, title, place, text)
