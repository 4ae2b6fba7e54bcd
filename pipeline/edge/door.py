"""The door of a server: how many connections there are at once, and how long each may take to ask and to hear its answer.

uvicorn limits neither: a connection that never says anything stays open for ever.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import h11
from pydantic import BaseModel, ConfigDict, Field
from uvicorn.protocols.http.h11_impl import H11Protocol

from pipeline.yaml_file import read_model

DEFAULT = Path(__file__).with_name("listen.yaml")
GRACE = 1.0  # s after which a connection is cut whose request the application should have refused by then


class Limits(BaseModel):
    """See listen.yaml for each; times in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    connections: int = Field(ge=1)
    backlog: int = Field(ge=1)
    arrival: float = Field(gt=0, allow_inf_nan=False)
    keep_alive: int = Field(ge=1)
    longest_body: int = Field(ge=1)


def read_limits(path: Path = DEFAULT) -> Limits:
    """The limits of a file; EdgeError in one line for a mistake in it."""
    return read_model(path, Limits)


class Door:
    """What the connections of one server share.  ``answer``: s from a request's last byte to its answer's, at most."""

    def __init__(self, limits: Limits, answer: float) -> None:
        self.limits, self.answer = limits, answer
        self.waiting: dict[GuardedProtocol, None] = {}  # those that have not asked yet, the longest waiting first


class GuardedProtocol(H11Protocol):
    """One connection.  Whoever is late is cut off; where all places are taken, the longest waiting makes room."""

    def __init__(self, *words: Any, door: Door, **named: Any) -> None:
        super().__init__(*words, **named)
        self._door = door
        self._state: object = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self._door.limits.connections:
            last = next(iter(self._door.waiting), self)
            last._leave()
            last.transport.abort()
            if last is self:
                return
        self._follow()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not self._state:
            self._follow()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._follow()

    def _leave(self) -> None:
        self.connections.discard(self)  # at once: the transport tells of its end only later
        self._door.waiting.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()

    def _follow(self) -> None:
        """Start the clock of what is awaited now: a head, a body, or the answer."""
        self._state = self.conn.their_state
        if self._timer is not None:
            self._timer.cancel()
        if self.transport.is_closing():
            return
        seconds = self._door.limits.arrival
        if self._state in (h11.IDLE, h11.SEND_BODY):
            self._door.waiting[self] = None
            seconds += GRACE if self._state is h11.SEND_BODY else 0
        else:
            self._door.waiting.pop(self, None)
            seconds = self._door.answer + GRACE
        self._timer = self.loop.call_later(seconds, self.transport.abort)
