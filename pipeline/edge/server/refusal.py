"""A request that is not answered, as OpenAI's clients expect to hear of it."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

TYPES = {401: "authentication_error", 429: "rate_limit_error", 500: "server_error", 503: "server_error", 504: "server_error"}
MESSAGES = {  # of what starlette itself refuses
    404: "expected a path of this API, found another; see /v1/models",
    405: "expected another method for this path; chat completions are asked with POST",
}


class Refusal(HTTPException):
    """``status`` and one line; ``param`` names the field that is wrong, ``code`` is OpenAI's word for it."""

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None,
                 headers: dict[str, str] | None = None) -> None:
        super().__init__(status, " ".join(message.split()), headers)
        self.param, self.code = param, code

    def to_json(self) -> dict[str, Any]:
        """OpenAI's error object."""
        kind = TYPES.get(self.status_code, "invalid_request_error")
        return {"error": {"message": self.detail, "type": kind, "param": self.param, "code": self.code}}


async def refuse(request: Request, error: Exception) -> Response:
    """Starlette's handler of every refusal, ours or its own."""
    assert isinstance(error, HTTPException)
    if not isinstance(error, Refusal):
        error = Refusal(error.status_code, MESSAGES.get(error.status_code, error.detail), headers=dict(error.headers or {}))
    return JSONResponse(error.to_json(), error.status_code, error.headers)


def mistake() -> Refusal:
    """What a client hears of a mistake of ours."""
    return Refusal(500, "expected an answer, found a mistake of this server; look into its log")
