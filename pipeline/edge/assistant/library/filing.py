"""What the path of a course file says of it: COURSE/第03章 TITLE/NAME.ext."""

from __future__ import annotations

from pathlib import PurePosixPath

from pipeline.edge.assistant.library.vocabulary import kinds_in
from pipeline.edge.assistant.named import CHAPTER, chapter_in


def course_of(path: PurePosixPath, folder: str) -> str:
    """The first folder's name; the imported folder's own where files or chapters lie in it directly."""
    first = path.parts[0]
    return folder if len(path.parts) == 1 or chapter_in(first) is not None else first.strip()


def chapter_title(path: str) -> str:
    """Of the innermost folder that says its chapter, without the number; empty where none does."""
    titles = [CHAPTER.sub("", part).strip() for part in path.split("/")[-2::-1] if CHAPTER.search(part)]
    return titles[0] if titles else ""


def chapter_of(path: PurePosixPath) -> int:
    """As the innermost folder says, or the name; 0 for a file of the whole course."""
    said = [chapter_in(part) for part in (*path.parts[-2::-1], path.stem)]
    return next((chapter for chapter in said if chapter is not None), 0)


def kind_of(path: PurePosixPath) -> str:
    """By the last word for one in the file's name, else at the end of the innermost folder's; else slides for a .pptx and notes."""
    if named := kinds_in(path.stem):
        return named[-1][0]
    for folder in path.parts[-2:0:-1]:  # not the course's: 实验物理 holds more than laboratories
        if (named := kinds_in(folder)) and folder.lower().rstrip("0123456789 ").endswith(named[-1][1]):
            return named[-1][0]
    return "slides" if path.suffix.lower() == ".pptx" else "notes"
