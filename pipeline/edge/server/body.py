"""Reading a request's body."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from pipeline.edge.server.refusal import Refusal


async def read_body(request: Request, arrival: float) -> bytes:
    """The whole body; Refusal 408 when it takes more than ``arrival`` seconds."""
    try:
        async with asyncio.timeout(arrival):
            return await request.body()
    except TimeoutError:
        raise Refusal(408, f"expected the whole request within {arrival:g} s, found it unfinished; send it faster",
                      headers={"Connection": "close"}) from None
