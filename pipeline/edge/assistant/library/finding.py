"""The course files that a question asks for, best first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pipeline.edge.assistant.library.filing import chapter_title
from pipeline.edge.assistant.library.index import Index, chapter_facet, course_facet, kind_facet
from pipeline.edge.assistant.library.request import Request, request_of
from pipeline.edge.assistant.library.search import search
from pipeline.edge.assistant.library.terms import asked_terms, normal

LISTED = 1000  # files that are put in order where nothing is searched for
STATED, UNSAID = ("course", "chapter", "kind", "words"), (None, ())

__all__ = ["Found", "Request", "find", "find_nearest", "passages", "request_of"]


@dataclass(frozen=True)
class Found:
    """``path``: from ``root``, the imported folder.  ``place``: where in the file, such as 第3页.  ``passage``: what stands there."""

    path: str
    root: str
    course: str
    chapter: int
    kind: str
    title: str
    passage: str
    place: str


def find(index: Index, request: Request, limit: int = 5) -> list[Found]:
    """Files that are all that was asked, or where there is none, of the first relaxation that leaves some.

    Relaxed in this order: the words need not occur (where course or chapter is said), the kind, the chapter, both, the course.
    """
    return find_nearest(index, request, limit)[0]


def find_nearest(index: Index, request: Request, limit: int = 5) -> tuple[list[Found], frozenset[str]]:
    """What `find` finds, and which of course, chapter, kind and words are not as was asked."""
    whole = _with_titles(index, request)
    for asked in _relaxed(whole):
        if found := _find(index, asked, limit):
            return found, frozenset(name for name in STATED if getattr(asked, name) in UNSAID and getattr(whole, name) not in UNSAID)
    return [], frozenset()


def passages(index: Index, question: str, limit: int = 3) -> list[Found]:
    """What the files say about a question, whatever kind of file it is in; nothing where no word of it occurs."""
    request = replace(request_of(question, index.courses()), kind=None)
    return _find(index, request, limit) if request.words else []


def _with_titles(index: Index, request: Request) -> Request:
    """A chapter's title is searched for where its course is said, whatever words it consists of: 查找 in 数据结构."""
    rows = [] if request.course is None else index.read(
        "SELECT min(path) FROM resources WHERE course = (SELECT id FROM courses WHERE name = ?) GROUP BY chapter", request.course)
    said = normal(request.rest)
    titles = [title for path, in rows if (title := chapter_title(path)) and normal(title) in said]
    return replace(request, words=tuple(dict.fromkeys((*request.words, *(word for title in titles for word in asked_terms(title))))))


def relaxed(index: Index, request: Request) -> Iterator[Request]:
    """The request, then with less and less of what it states."""
    return _relaxed(_with_titles(index, request))


def _relaxed(request: Request) -> Iterator[Request]:
    scoped = request.course is not None or request.chapter is not None
    dropped = tuple(word for word in asked_terms(request.rest) if len(word) > 1)
    if dropped and not request.words and not scoped:  # such as 查找 in 查找这一章的讲义
        yield replace(request, words=dropped)
    wordless = [{"words": ()}] if request.words and scoped else []
    for unsaid in ({}, *wordless, {"kind": None}, {"chapter": None}, {"kind": None, "chapter": None}):
        yield replace(request, **unsaid)
    if request.course is not None:
        yield replace(request, kind=None, chapter=None, words=())
    yield replace(request, kind=None, chapter=None, course=None)


def _find(index: Index, request: Request, limit: int) -> list[Found]:
    if request.words:
        facets = facets_of(index, request)
        hits = [] if facets is None else search(index, facets, request.words, request.rest, limit)
        return [Found(hit.path, hit.root, hit.course, hit.chapter, hit.kind, hit.title, hit.text, hit.place) for hit in hits]
    return _listed(index, request, limit)


def facets_of(index: Index, request: Request) -> list[str] | None:
    """As terms; None where the course is not in the index."""
    course = [] if request.course is None else index.read("SELECT id FROM courses WHERE name = ?", request.course)
    if request.course is not None and not course:
        return None
    return [*(course_facet(identity) for identity, in course), *([] if request.chapter is None else [chapter_facet(request.chapter)]),
            *([kind_facet(request.kind)] if request.kind else [])]


def _listed(index: Index, request: Request, limit: int) -> list[Found]:
    """The files of a course, chapter or kind, by path, of more than `LISTED` the first that were added; none where nothing is said."""
    said = {"c.name": request.course, "r.chapter": request.chapter, "r.kind": request.kind}
    stated = {column: value for column, value in said.items() if value is not None}
    if not stated:
        return []
    where = " AND ".join(f"{column} = ?" for column in stated)
    rows = index.read(f"""SELECT s.path, s.root, s.name, s.chapter, s.kind, s.title, p.text, p.place FROM (
                              SELECT r.*, c.name FROM resources r JOIN courses c ON c.id = r.course WHERE {where} LIMIT {LISTED}) s
                          JOIN passages p ON p.id = (SELECT min(id) FROM passages WHERE resource = s.id)
                          ORDER BY s.path, s.root LIMIT ?""", *stated.values(), limit)
    return [Found(*row) for row in rows]
