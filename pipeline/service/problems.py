"""Errors as problem details (RFC 9457): one line of what was expected, what was found, and what to do."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from pipeline.errors import EdgeError
from pipeline.service.schemas import Problem

LOG = logging.getLogger("uvicorn.error")
MEDIA = "application/problem+json"
SAYS = {
    400: "expected a JSON body, found another; see /openapi.json",
    404: "expected a path of this service, found another; see /openapi.json",
    405: "expected another method for this path; see /openapi.json",
}
ALWAYS = "401 403 429 500 503"
"""What any route but health may refuse with."""
RETRY = {"Retry-After": "5"}
MOST, LONGEST = 8, 200  # field errors told, letters of each


class Refusal(HTTPException):
    """``status`` and one line, with the fields that are wrong."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None, errors: list[dict[str, str]] | None = None) -> None:
        super().__init__(status, " ".join(detail.split()), headers)
        self.errors = errors or []


def answer(path: str, refusal: HTTPException) -> JSONResponse:
    """The problem as it is sent.  Nothing of the request but its path is repeated, and that percent-encoded."""
    title, detail = HTTPStatus(refusal.status_code).phrase, str(refusal.detail)
    problem = Problem(title=title, detail=detail, instance=path, code=refusal.status_code, message=detail,
                      errors=getattr(refusal, "errors", []))
    return JSONResponse(problem.model_dump(), refusal.status_code, refusal.headers, media_type=MEDIA)


def told(statuses: str) -> dict[int | str, dict[str, Any]]:
    """What a route may refuse with, for its schema: "404 422"; and `ALWAYS`."""
    return {int(status): {"model": Problem, "description": HTTPStatus(int(status)).phrase, "content": {MEDIA: {}}}
            for status in sorted({*statuses.split(), *ALWAYS.split()})}


def add_handlers(app: FastAPI) -> None:
    """Every error of the app, ours or the framework's, is a problem.

    422 is what the schema does not allow; 409 what it does allow, and what still does not go together.
    """

    @app.exception_handler(HTTPException)
    async def refuse(request: Request, error: HTTPException) -> JSONResponse:
        if not isinstance(error, Refusal):
            error = Refusal(error.status_code, SAYS.get(error.status_code, str(error.detail)), dict(error.headers or {}))
        return answer(_path(request), error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        all_errors = error.errors()
        found = [_field(one) for one in all_errors[:MOST]]
        first = f"{found[0]['field']}: {found[0]['problem']}"
        status = 409 if all(one["type"] == "value_error" for one in all_errors) else 422
        return answer(_path(request), Refusal(status, f"expected a valid request, found {first}; correct it", errors=found))

    @app.exception_handler(SQLAlchemyError)
    async def no_database(request: Request, error: SQLAlchemyError) -> JSONResponse:
        LOG.error("the database did not answer: %s", error)
        return answer(_path(request), Refusal(503, "expected the database to answer, found it does not; look into the log", RETRY))

    @app.exception_handler(EdgeError)
    async def cannot(request: Request, error: EdgeError) -> JSONResponse:
        return answer(_path(request), Refusal(409, str(error)))

    @app.exception_handler(Exception)
    async def mistake(request: Request, error: Exception) -> JSONResponse:
        LOG.error("a request was not answered: %s", type(error).__name__, exc_info=error)
        return answer(_path(request), Refusal(500, "expected an answer, found a mistake of this service; look into its log"))


def _path(request: Request) -> str:
    return request.scope.get("raw_path", b"/").decode("ascii", "replace").partition("?")[0]


def _field(error: Any) -> dict[str, str]:
    """Where and what; keys that a caller made up may hold anything, so that they are shortened and made plain."""
    where = ".".join(str(part) for part in error["loc"])
    return {name: text[:LONGEST].encode("utf-8", "replace").decode() for name, text in
            {"field": where, "problem": str(error["msg"]).removeprefix("Value error, ")}.items()}
