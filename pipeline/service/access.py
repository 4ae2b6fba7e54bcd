"""Who may do what: the bearer token of a request, its scope, and how often it may ask."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from pipeline.errors import EdgeError
from pipeline.service.problems import LOG, Refusal
from pipeline.service.rate import Rate
from pipeline.service.tokens import SCOPES, Holder, Tokens

ANYBODY = Holder("local", frozenset(SCOPES))
"""On this machine, while no token was made: whoever can connect may do all that the user who started it may."""
BEARER = HTTPBearer(auto_error=False, description="a token of `edge api token add`")


class Access:
    """Looks at each request once.  ``alone``: only this machine can connect, so that one may do without tokens."""

    def __init__(self, tokens: Tokens, rate: Rate, alone: bool) -> None:
        self._tokens, self._rate, self._alone = tokens, rate, alone

    async def holder(self, credentials: HTTPAuthorizationCredentials | None, scope: str) -> Holder:
        """Who asks; Refusal 401 without a known token, 403 without the scope, 429 too often."""
        found = await run_in_threadpool(self._find, credentials.credentials if credentials else None)
        if found is None:
            raise Refusal(401, "expected a token of this service as Authorization: Bearer TOKEN, found another or none; "
                               "edge api token add makes one", {"WWW-Authenticate": "Bearer"})
        if scope not in found.scopes:
            raise Refusal(403, f"expected a token with the scope {scope}, found one without; make another with --scope {scope}")
        if seconds := self._rate.wait(found.name):
            raise Refusal(429, "expected fewer requests of this token, found too many; try again later",
                          {"Retry-After": str(math.ceil(seconds))})
        return found

    def _find(self, token: str | None) -> Holder | None:
        try:
            if self._alone and not self._tokens.any():
                return ANYBODY
            return self._tokens.holder(token) if token else None
        except (EdgeError, OSError) as error:
            LOG.error("the tokens cannot be read: %s", error)
            raise Refusal(503, "expected the tokens of this service, found them damaged; look into its log") from None


def needs(scope: str) -> Any:
    """A route's parameter: the holder of a token with that scope."""

    async def check(request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)]) -> Holder:
        access: Access = request.app.state.access
        return await access.holder(credentials, scope)

    dependency: Callable[..., Any] = check
    return Security(dependency, scopes=[scope])
