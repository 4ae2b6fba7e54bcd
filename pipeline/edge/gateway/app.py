"""The gateway's HTTP: chat completions, the models, health, and the page to try it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from pipeline.edge.door import Limits
from pipeline.edge.gateway import reply
from pipeline.edge.gateway.flow import Flow
from pipeline.edge.gateway.page import HEADERS, PAGE, WITH_ASSISTANT
from pipeline.edge.gateway.question import ASSISTANT, MODEL, Question
from pipeline.edge.server.auth import KeyRequired
from pipeline.edge.server.body import read_body
from pipeline.edge.server.protocol import read_request
from pipeline.edge.server.refusal import Refusal, mistake, refuse
from pipeline.errors import EdgeError

if TYPE_CHECKING:
    from pipeline.edge.gateway.learning import Learning

THREADS = 128  # questions that wait for device or cloud at the same time; more wait their turn


def application(flow: Flow, api_key: str | None, hosts: list[str], limits: Limits, learning: Learning | None = None) -> Starlette:
    """The ASGI application.  hosts: the names it may be called by.  The page and /health need no key, for they tell nothing.

    learning: serves the model `learning-assistant` and takes ratings of it, beside what is there without it.
    """
    served = {MODEL: flow.answer, **({ASSISTANT: learning.answer} if learning else {})}

    async def chat(request: Request) -> Response:
        question = read_request(await read_body(request, limits), request.headers.get("content-type", ""), Question)
        if question.model not in served:
            raise Refusal(404, f"expected the model {' or '.join(served)}, found another; ask for that one", param="model",
                          code="model_not_found")
        answer = await run_in_threadpool(served[question.model], question)
        if not question.stream:
            return JSONResponse(await run_in_threadpool(reply.completion, answer))
        usage = question.stream_options is not None and bool(question.stream_options.include_usage)
        return StreamingResponse(reply.events(answer, usage), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def models(request: Request) -> Response:
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": "edge"} for name in served]
        return JSONResponse({"object": "list", "data": listed})

    rating = _ratings(learning, limits) if learning else []
    api = Mount("/v1", routes=[Route("/models", models), Route("/chat/completions", chat, methods=["POST"]), *rating],
                middleware=[Middleware(KeyRequired, api_key=api_key)])
    async def page(request: Request) -> Response:
        return HTMLResponse(WITH_ASSISTANT if learning else PAGE, headers=HEADERS)

    return Starlette(routes=[Route("/", page), Route("/health", _health), api], lifespan=_lifespan,
                     middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts)],
                     exception_handlers={HTTPException: refuse, EdgeError: _unavailable, Exception: _fail})


def _ratings(learning: Learning, limits: Limits) -> list[Route]:
    from pipeline.edge.gateway.learning import RatingForm

    async def rate(request: Request) -> Response:
        form = read_request(await read_body(request, limits), request.headers.get("content-type", ""), RatingForm)
        return JSONResponse(await run_in_threadpool(learning.rate, form))

    async def rated(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(learning.rated))

    return [Route("/ratings", rate, methods=["POST"]), Route("/ratings", rated, methods=["GET"])]


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield


async def _health(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _unavailable(request: Request, error: Exception) -> Response:
    return await refuse(request, Refusal(503, str(error)))


async def _fail(request: Request, error: Exception) -> Response:
    """What nobody expected; starlette raises it again, so that it stands in the server's log."""
    return await refuse(request, mistake())
