"""The served API: chat completions, embeddings, reranking, the models, health and metrics."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from pipeline.edge.door import Limits
from pipeline.edge.server import answers, retrieval
from pipeline.edge.server.auth import KeyRequired
from pipeline.edge.server.body import read_body
from pipeline.edge.server.decisions import Decisions
from pipeline.edge.server.engines import Engine, Piece
from pipeline.edge.server.metrics import Metrics
from pipeline.edge.server.protocol import ChatRequest, Strict, read_request
from pipeline.edge.server.queue import Queue
from pipeline.edge.server.refusal import Refusal, mistake, refuse

LOG = logging.getLogger("uvicorn.error")
GONE = 499  # counted where a client did not wait for its answer
T = TypeVar("T")


class Service:
    """The models by name, each behind a queue of its own, so that a long answer of one keeps nobody from the other."""

    def __init__(self, engines: Mapping[str, Engine], workers: int, room: int, deadline: float, limits: Limits,
                 decisions: Decisions | None = None, drift: Path | None = None) -> None:
        self._metrics, self._deadline, self._limits, self._decisions = Metrics(engines, drift), deadline, limits, decisions
        self._takes = {name: engine.takes for name, engine in engines.items()}
        self._queues = {name: Queue(engine, workers, room, self._metrics.waiting.labels(name), self._metrics.running.labels(name))
                        for name, engine in engines.items()}

    async def chat(self, request: Request) -> Response:
        """POST /v1/chat/completions."""
        return await self._answer(request, ChatRequest, lambda asked, whole: answers.completion(asked.model, whole, bool(asked.logprobs)))

    async def embeddings(self, request: Request) -> Response:
        """POST /v1/embeddings."""
        return await self._answer(request, retrieval.EmbeddingRequest, retrieval.embeddings)

    async def rerank(self, request: Request) -> Response:
        """POST /v1/rerank."""
        return await self._answer(request, retrieval.RerankRequest, retrieval.ranking)

    async def _answer(self, request: Request, kind: Any, render: Callable[[Any, list[Piece]], dict[str, Any]]) -> Response:
        begun, model = time.monotonic(), ""
        try:
            asked = read_request(await read_body(request, self._limits), request.headers.get("content-type", ""), kind)
            model = asked.model
            pieces = self._queue(model, kind).answer(asked, asyncio.get_running_loop().time() + self._deadline)
            if kind is ChatRequest and asked.stream:
                first = await _unless_gone(request, anext(pieces))
                events = self._events(asked, first, pieces, begun)
                return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
            whole = await _unless_gone(request, _all(pieces))
        except HTTPException as refusal:
            self._metrics.count(model, refusal.status_code, time.monotonic() - begun)
            raise
        except ClientDisconnect:
            self._metrics.count(model, GONE, time.monotonic() - begun)
            return Response(status_code=GONE)
        except Exception:  # if starlette saw it, the connection would be closed under the client's next request
            LOG.exception("a request was not answered")
            self._metrics.count(model, 500, time.monotonic() - begun)
            return await refuse(request, mistake())
        self._count_answer(model, whole[-1], begun)
        return JSONResponse(render(asked, whole))

    async def models(self, request: Request) -> Response:
        """GET /v1/models."""
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": "edge"} for name in self._queues]
        return JSONResponse({"object": "list", "data": listed})

    async def health(self, request: Request) -> Response:
        """GET /health."""
        return JSONResponse({"status": "ok"})

    async def metrics(self, request: Request) -> Response:
        """GET /metrics, for Prometheus."""
        return Response(self._metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    def _queue(self, model: str, kind: type[Strict]) -> Queue:
        if model not in self._queues:
            raise Refusal(404, f"expected a model of {', '.join(self._queues)}, found another; name one of these", param="model",
                          code="model_not_found")
        if self._takes[model] is not kind:
            fitting = [name for name, takes in self._takes.items() if takes is kind]
            expected = f"one of {', '.join(fitting)}" if fitting else "one, but none is served"
            raise Refusal(400, f"model: expected {expected} on this path, found {model}; ask that on a path of its own", param="model")
        return self._queues[model]

    async def _events(self, asked: ChatRequest, first: Piece, rest: AsyncGenerator[Piece, None], begun: float) -> AsyncIterator[str]:
        include_usage = asked.stream_options is not None and bool(asked.stream_options.include_usage)
        chunks, status, last = answers.Chunks(asked.model, bool(asked.logprobs), include_usage), GONE, first
        try:
            for event in chunks.of(first):
                yield event
            async for last in rest:
                for event in chunks.of(last):
                    yield event
            yield answers.DONE
            status = 200
        except HTTPException as refusal:
            status = refusal.status_code
            yield answers.refused(refusal if isinstance(refusal, Refusal) else mistake())
        except Exception:
            LOG.exception("an answer broke off")
            status = 500
            yield answers.refused(mistake())
        finally:
            await rest.aclose()
            if status == 200:
                self._count_answer(asked.model, last, begun)
            else:
                self._metrics.count(asked.model, status, time.monotonic() - begun)

    def _count_answer(self, model: str, last: Piece, begun: float) -> None:
        took = time.monotonic() - begun
        self._metrics.count(model, 200, took)
        if self._decisions and last.edge and "confidence" in last.edge:
            self._decisions.add(took * 1e3, float(last.edge["confidence"]), str(last.edge["intent"]))
        if last.usage:
            self._metrics.count_tokens(model, last.usage)


def application(service: Service, api_key: str | None, hosts: list[str]) -> Starlette:
    """The ASGI application.  hosts: the names it may be called by."""
    routes = [Route("/health", service.health), Route("/metrics", service.metrics), Route("/v1/models", service.models),
              Route("/v1/chat/completions", service.chat, methods=["POST"]), Route("/v1/embeddings", service.embeddings, methods=["POST"]),
              Route("/v1/rerank", service.rerank, methods=["POST"])]
    middleware = [Middleware(TrustedHostMiddleware, allowed_hosts=hosts), Middleware(KeyRequired, api_key=api_key)]
    return Starlette(routes=routes, middleware=middleware, exception_handlers={HTTPException: refuse})


async def _all(pieces: AsyncGenerator[Piece, None]) -> list[Piece]:
    return [piece async for piece in pieces]


async def _unless_gone(request: Request, answer: Awaitable[T]) -> T:
    """The answer; ClientDisconnect as soon as nobody waits for it, and then it is not computed further."""
    task, gone = asyncio.ensure_future(answer), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
