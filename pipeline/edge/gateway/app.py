"""The gateway's HTTP: chat completions, the models, health, and the page to try it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from pipeline.edge.gateway import reply
from pipeline.edge.gateway.flow import Flow
from pipeline.edge.gateway.page import HEADERS, PAGE
from pipeline.edge.gateway.question import MODEL, Question
from pipeline.edge.server.auth import KeyRequired
from pipeline.edge.server.refusal import Refusal, fail, refuse
from pipeline.errors import EdgeError

LONGEST_BODY = 1_000_000  # bytes
THREADS = 128  # questions that wait for device or cloud at the same time; more wait their turn


def application(flow: Flow, api_key: str | None, hosts: list[str]) -> Starlette:
    """The ASGI application.

    hosts: the names it may be called by, or a web page could rebind its own name to this machine and ask.
    """
    async def chat(request: Request) -> Response:
        question = _question(request, await request.body())
        answer = await run_in_threadpool(flow.answer, question)
        if not question.stream:
            return JSONResponse(await run_in_threadpool(reply.completion, answer))
        usage = question.stream_options is not None and question.stream_options.include_usage
        return StreamingResponse(reply.events(answer, usage), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def models(request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "edge"}]})

    guards = [Middleware(TrustedHostMiddleware, allowed_hosts=hosts), Middleware(KeyRequired, api_key=api_key, open_paths=("/", "/health"))]
    return Starlette(
        routes=[Route("/", _page), Route("/health", _health), Route("/v1/models", models),
                Route("/v1/chat/completions", chat, methods=["POST"])],
        middleware=guards, max_body_size=LONGEST_BODY, lifespan=_lifespan,
        exception_handlers={HTTPException: refuse, EdgeError: _unavailable, Exception: fail})


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield


async def _page(request: Request) -> Response:
    return HTMLResponse(PAGE, headers=HEADERS)


async def _health(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


def _question(request: Request, body: bytes) -> Question:
    """What is asked; Refusal in one line when that cannot be read.

    Any page in a browser may post a text/plain form to this machine, but application/json only where it is let.
    """
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise Refusal(415, "expected the content type application/json, found another; set it")
    try:
        content = json.loads(body.decode("utf-8"), parse_constant=_no_number)
        json.dumps(content, ensure_ascii=False).encode("utf-8")  # half a surrogate pair is JSON, but no text
        if isinstance(content, dict) and content.get("model", MODEL) != MODEL:
            raise Refusal(404, f"expected the model {MODEL}, found {str(content['model']):.60}; ask for that one")
        return Question.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the request"
        raise Refusal(400, f"{where}: {first['msg'].removeprefix('Value error, ')}; correct it") from None
    except (ValueError, RecursionError):
        raise Refusal(400, "expected a JSON object in UTF-8, found none; correct the request") from None


def _no_number(word: str) -> float:
    raise ValueError(word)


async def _unavailable(request: Request, error: Exception) -> Response:
    return await refuse(request, Refusal(503, str(error)))
