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

LOOKED = 400  # rows of one list
LEAPS, ALL_LEAPS = 20_000, 80_000  # rows that lists are compared over at most, at once and for a question
CANDIDATES = 200  # passages that are ranked
ASKED = 40  # terms of a question; the rarest of more
WINDOWS = (4, 3, 2, 1)  # neighbouring terms of the question that are looked for together
SATURATION = 1.2  # BM25's k1
NAMED, NEAR, WHOLE, WEAK = 1.0, 2.0, 1.0, 0.15  # weights: in the file's name; side by side; a chapter's whole title; of a dropped word


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
    asked = dict.fromkeys((*asked_terms(rest), *words))
    counts = {word: count for word in asked if (count := _frequency(index, word, size, LOOKED))}
    rarest = set(sorted(counts, key=counts.__getitem__)[:ASKED])
    known = {word: count for word, count in counts.items() if word in rarest}
    weights = {word: math.log(1 + size / count) * (1 if word in words else WEAK) for word, count in known.items()}
    rows = _candidates(index, facets, set(words), known, size)
    best: dict[tuple[str, str], Hit] = {}
    for hit in _scored(index, rows, weights, rest):
        here = (hit.root, hit.path)
        if here not in best or best[here].score < hit.score:
            best[here] = hit
    return sorted(best.values(), key=lambda hit: (-hit.score, hit.path, hit.root))[:limit]


def _frequency(index: Index, term: str, size: int, looked: int) -> int:
    """How many passages hold the term, estimated where more than ``looked`` do, from how far these reach."""
    count, last = index.read("SELECT count(*), max(rowid) FROM (SELECT rowid FROM terms WHERE terms MATCH ? LIMIT ?)",
                             _match([term]), looked)[0]
    return count if count < looked else max(count, count * size // last)


def _candidates(index: Index, facets: Sequence[str], words: set[str], known: dict[str, int], size: int) -> list[int]:
    """Rows with the facets: those with most neighbouring terms of the question first, of as many those with the rarest.

    ``known``: the terms in the question's order.  Each group has one of the words, or what was dropped would find something.
    """
    order = list(known)
    groups = [group for length in WINDOWS for at in range(len(order) - length + 1)
              if (group := tuple(order[at:at + length])) and (length < 3 or all(a[-1] == b[0] for a, b in pairwise(group)))]
    rarest = {group: min(known[word] for word in group) for group in groups}
    scope = _scope(index, facets, size) if max(rarest.values(), default=0) > LEAPS else size
    found, leaps = dict[int, None](), 0
    for group in sorted(groups, key=lambda group: (-len(group), rarest[group])):
        if len(found) >= CANDIDATES or leaps > ALL_LEAPS:
            break
        if words.intersection(group):
            since = max(0, size - size * LEAPS // min(rarest[group], scope))  # of what is frequent the newest rows
            found.update(dict.fromkeys(row for row, in index.read(
                "SELECT rowid FROM terms WHERE terms MATCH ? AND rowid > ? LIMIT ?", _match([*facets, *group]), since, CANDIDATES)))
            leaps += min(rarest[group], scope, LEAPS)
    return list(found)[:CANDIDATES]


def _scope(index: Index, facets: Sequence[str], size: int) -> int:
    """How many passages the rarest facet has.  Those of a course lie together, so no few of them say how many there are."""
    return min((_frequency(index, facet, size, LEAPS) for facet in facets), default=size) or size


def _match(words: Sequence[str]) -> str:
    """FTS5's expression for all of the words."""
    return " AND ".join(f'"{word}"' for word in words)


def _scored(index: Index, rows: Sequence[int], weights: dict[str, float], rest: str) -> Iterator[Hit]:
    """As BM25F weighs terms (Robertson et al. 2004): rarity, and a count in text and file name that saturates.  Pairs that overlap as
    in the question count beside it, and so does a chapter whose whole title was said."""
    asked, said = ",".join(map(str, rows)), normal(rest)
    near = {a + b[1]: NEAR * min(weights[a], weights[b]) for a in weights for b in weights
            if len(a) == len(b) == 2 and a[1] == b[0] and a + b[1] in said}
    found = index.read(f"""SELECT r.path, r.root, c.name, r.chapter, r.kind, r.title, p.place, p.text FROM passages p
                           JOIN resources r ON r.id = p.resource JOIN courses c ON c.id = r.course WHERE p.id IN ({asked})""")
    for path, root, course, chapter, kind, title, place, text in found:
        here, name = normal(text), normal(f"{path} {title}")
        score = sum(weight * (SATURATION + 1) * (count := here.count(word) + NAMED * (word in name)) / (SATURATION + count)
                    for word, weight in weights.items())
        score += sum(weight for word, weight in near.items() if word in here or word in name)
        if (heading := chapter_title(path)) and normal(heading) in said:
            score += WHOLE * sum(weights.get(pair, 0.0) for pair in asked_terms(heading))
        yield Hit(score, path, root, course, chapter, kind, title, place, text)
