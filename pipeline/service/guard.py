"""What is refused at the door, before a route sees it: another host's name, a page of another origin, a body too long or too slow."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.edge.door import Limits
from pipeline.edge.server.body import read_body
from pipeline.service.problems import Refusal, answer

SAFE = ("GET", "HEAD", "OPTIONS")


class Guard:
    """ASGI middleware.  hosts: the names it may be called by (`pipeline.edge.listen.names_of`).

    A browser tells a page's origin with what it sends: only this service's own page may change anything.
    """

    def __init__(self, app: ASGIApp, limits: Limits, hosts: list[str]) -> None:
        self._app, self._limits, self._hosts = app, limits, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            if "*" not in self._hosts and re.sub(r":\d+$", "", request.headers.get("host", "")) not in self._hosts:
                raise Refusal(400, f"expected a request to {self._hosts[0]}, found another host's name; call the service by its address")
            if request.method not in SAFE and not _own(request):
                raise Refusal(403, "expected a request of this service's own page, found one of another origin; call it from a program")
            body = await read_body(request, self._limits)
        except ClientDisconnect:
            return
        except HTTPException as error:
            if error.status_code == 413:
                error = Refusal(413, f"expected a body of at most {self._limits.longest_body} bytes, found more; shorten it")
            await answer(request.scope.get("raw_path", b"/").decode("ascii", "replace"), error)(scope, receive, send)
            return
        await self._app(scope, _again(body, receive), send)


def _own(request: Request) -> bool:
    origin = request.headers.get("origin")
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc == request.headers.get("host", "")
    except ValueError:
        return False


def _again(body: bytes, receive: Receive) -> Receive:
    """Gives the body that was read, then whatever comes."""
    given = False

    async def next_message() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return next_message
