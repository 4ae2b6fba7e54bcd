"""The body of a request, as long as it is not too long and does not take too long."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from pipeline.edge.door import Limits
from pipeline.edge.server.refusal import Refusal


async def read_body(request: Request, limits: Limits) -> bytes:
    """All of it; Refusal 413 before more than the longest is read, 408 when it does not arrive in time."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limits.longest_body:
        raise _too_long(limits)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.arrival):
            async for part in request.stream():
                body += part
                if len(body) > limits.longest_body:
                    raise _too_long(limits)
    except TimeoutError:
        raise Refusal(408, f"expected the whole request within {limits.arrival:g} s, found it unfinished; send it faster",
                      headers={"Connection": "close"}) from None
    return bytes(body)


def _too_long(limits: Limits) -> Refusal:
    return Refusal(413, f"expected a body of at most {limits.longest_body} bytes, found more; shorten the conversation")
