"""The bounded queue before a model: so many threads answer, so many requests wait, and the next one is refused."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from prometheus_client import Gauge

from pipeline.edge.server.engines import Engine, Piece
from pipeline.edge.server.protocol import Strict
from pipeline.edge.server.refusal import Refusal
from pipeline.errors import EdgeError

RETRY_AFTER = "1"  # s


class Queue:
    """One engine and its threads.  ``room``: how many requests may wait.  Used on one event loop."""

    def __init__(self, engine: Engine, workers: int, room: int, waiting: Gauge, running: Gauge) -> None:
        self._engine, self._room, self._waits = engine, room, 0
        self._pool, self._free = ThreadPoolExecutor(workers), asyncio.Semaphore(workers)
        waiting.set_function(lambda: self._waits)
        self._running = running

    async def answer(self, request: Strict, deadline: float) -> AsyncGenerator[Piece, None]:
        """The pieces of an answer as they are computed.

        deadline: on the loop's clock.  Refusal 429 where the queue is full, 504 past the deadline, 503 where the model fails, and
        what the engine refuses.  However this ends, the thread stops at its next piece.
        """
        try:
            async with asyncio.timeout_at(deadline):
                await self._worker()
            pieces, stopped = self._start(request)
            try:
                finished = False
                while not finished:
                    async with asyncio.timeout_at(deadline):
                        piece = await pieces.get()
                    if isinstance(piece, Exception):
                        raise piece
                    yield piece
                    finished = piece.finish is not None
            finally:
                stopped.set()
        except TimeoutError:
            raise Refusal(504, "expected an answer before the deadline, found none; ask for fewer tokens, or start the server with "
                               "a longer --deadline") from None
        except EdgeError as error:
            raise Refusal(503, str(error)) from None

    async def _worker(self) -> None:
        """Wait for a free thread, if there is room to wait."""
        if self._free.locked() and self._waits >= self._room:
            raise Refusal(429, f"expected at most {self._room} waiting requests, found as many; try again later",
                          code="rate_limit_exceeded", headers={"Retry-After": RETRY_AFTER})
        self._waits += 1
        try:
            await self._free.acquire()
        finally:
            self._waits -= 1

    def _start(self, request: Strict) -> tuple[asyncio.Queue[Piece | Exception], threading.Event]:
        loop, stopped = asyncio.get_running_loop(), threading.Event()
        pieces: asyncio.Queue[Piece | Exception] = asyncio.Queue()

        def work() -> None:
            try:
                for piece in self._engine.answer(request):
                    if stopped.is_set():
                        return
                    loop.call_soon_threadsafe(pieces.put_nowait, piece)
            except Exception as error:
                loop.call_soon_threadsafe(pieces.put_nowait, error)
            finally:
                with suppress(RuntimeError):  # the server has ended, and its loop with it
                    loop.call_soon_threadsafe(self._end)

        self._running.inc()
        self._pool.submit(work)
        return pieces, stopped

    def _end(self) -> None:
        self._running.dec()
        self._free.release()
