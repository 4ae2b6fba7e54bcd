"""Finished searches: the fronts that `edge search` wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi import Path as InPath

from pipeline.errors import EdgeError
from pipeline.runtime.files import read_object
from pipeline.service.access import needs
from pipeline.service.problems import Refusal, told
from pipeline.service.schemas import Envelope, Study
from pipeline.service.tokens import Holder

FILE, LARGEST = "front.json", 32_000_000
router = APIRouter(prefix="/searches", tags=["searches"], responses=told("422"))
Reader = Annotated[Holder, needs("read")]
Name = Annotated[str, InPath(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", examples=["reference-small"])]


@router.get("", response_model=Envelope[list[Study]])
def searches(request: Request, by: Reader) -> Envelope[list[Study]]:
    """The searches whose front can be read."""
    folder = _folder(request)
    found = [(path.name, _front(path)) for path in sorted(folder.iterdir())] if folder.is_dir() else []
    return Envelope[list[Study]](data=[_study(name, front) for name, front in found if front is not None])


@router.get("/{study}", response_model=Envelope[dict[str, Any]], responses=told("404"))
def search(request: Request, by: Reader, study: Name) -> Envelope[dict[str, Any]]:
    """A search's front.json: objectives, points and the knee."""
    if (front := _front(_folder(request) / study)) is None:
        raise Refusal(404, "expected a search with a front, found none of that name; see GET /api/v1/compression/searches")
    return Envelope[dict[str, Any]](data=front)


def _folder(request: Request) -> Path:
    reports: Path = request.app.state.settings.reports
    return reports / "search"


def _front(folder: Path) -> dict[str, Any] | None:
    """The content of a front that answers can carry; None where there is none."""
    file = folder / FILE
    try:
        if folder.is_symlink() or file.is_symlink() or file.stat().st_size > LARGEST:
            return None
        front = read_object(file, "the front of a search")
        json.dumps(front, allow_nan=False, ensure_ascii=False).encode()
    except (OSError, EdgeError, ValueError):
        return None
    return front


def _study(name: str, front: dict[str, Any]) -> Study:
    points = front.get("points", [])
    on_front = sum(bool(point.get("on_front")) for point in points if isinstance(point, dict)) if isinstance(points, list) else 0
    trials = front.get("trials")
    return Study(study=name, profile=str(front.get("profile", "")), trials=trials if isinstance(trials, int) else 0, on_front=on_front)
