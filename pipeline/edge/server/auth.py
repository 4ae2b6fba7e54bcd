"""Who may ask: whoever sends the key, where there is one."""

from __future__ import annotations

import hmac

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.edge.server.refusal import Refusal, refuse

OPEN_PATHS = ("/health",)  # a supervisor needs no key to see whether the server lives


class KeyRequired:
    """ASGI middleware: 401 for a request without ``Authorization: Bearer KEY``, before its body is read."""

    def __init__(self, app: ASGIApp, api_key: str | None) -> None:
        self._app, self._key = app, api_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._key is None or scope["type"] != "http" or scope["path"] in OPEN_PATHS or _sends(scope, self._key):
            await self._app(scope, receive, send)
            return
        refusal = Refusal(401, "expected the server's API key as a bearer token, found another or none; set the client's api_key",
                          code="invalid_api_key", headers={"WWW-Authenticate": "Bearer"})
        await (await refuse(Request(scope), refusal))(scope, receive, send)


def _sends(scope: Scope, key: str) -> bool:
    scheme, _, given = dict(scope["headers"]).get(b"authorization", b"").partition(b" ")
    return hmac.compare_digest(given.strip(), key.encode()) and scheme.lower() == b"bearer"
