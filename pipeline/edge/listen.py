"""Putting an application on the network: on this machine alone, unless a key protects it."""

from __future__ import annotations

import math
import os
import signal
import socket
import sys
from functools import partial
from typing import Any

import uvicorn

from pipeline.edge.door import Door, GuardedProtocol, Limits, read_limits
from pipeline.edge.loopback import is_loopback
from pipeline.errors import EdgeError, told

ACCEPTED_AT_ONCE = 16  # far fewer than there are places, so each is heard once before it must make room


def key_of(variable: str) -> str | None:
    """The key in that environment variable, None where it is not set or empty; EdgeError for one that no header can carry."""
    key = os.environ.get(variable, "")
    if not (key.isascii() and key.isprintable() and key == key.strip()):
        raise EdgeError(f"${variable}: expected a key of printable ASCII without spaces around it, found another; set it anew")
    return key or None


def names_of(host: str) -> list[str]:
    """The names in a request's Host header that a server at ``host`` answers to.

    A web page can give its own name this machine's address and so ask in its visitor's browser; it cannot take a name of these.
    """
    return ["127.0.0.1", "localhost", "::1", "[::1]"] if is_loopback(host) else ["*"]


def check_key(host: str, api_key: str | None, variable: str) -> None:
    """EdgeError for a host that others can reach while ``api_key`` (from ``variable``) is None."""
    if api_key is None and not is_loopback(host):
        raise EdgeError(f"--host {host}: expected a key in ${variable} where others can connect, found none; set it or use 127.0.0.1")


def listen(app: Any, host: str, port: int, api_key: str | None, variable: str, answer: float = 90.0, limits: Limits | None = None,
           path: str = "/v1") -> None:
    """Serve until SIGINT or SIGTERM, and print the base URL once requests are taken.  Exits with 0 when what ran has ended.

    answer: s that an answer may take, and that is waited for at the end.  path: what follows in the URL.  EdgeError where the port is
    taken, and as ``check_key``.
    """
    check_key(host, api_key, variable)
    limits = limits or read_limits()
    with _bound(host, port) as sock:
        config = uvicorn.Config(app, http=partial(GuardedProtocol, door=Door(limits, answer)), ws="none", loop="asyncio",  # type: ignore[arg-type]
                                log_level="error", access_log=False, server_header=False, proxy_headers=False, backlog=ACCEPTED_AT_ONCE,
                                timeout_keep_alive=limits.keep_alive, timeout_graceful_shutdown=math.ceil(answer))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: sys.exit(0))  # uvicorn raises the signal again when it has shut down
        _Server(config, limits.backlog, path).run(sockets=[sock])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, backlog: int, path: str) -> None:
        super().__init__(config)
        self._backlog, self._path = backlog, path

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for sock in sockets or []:
            sock.listen(self._backlog)  # asyncio takes one number for what the system keeps and what it accepts at once
            host, port = sock.getsockname()[:2]
            print(f"http://{f'[{host}]' if ':' in host else host}:{port}{self._path}", flush=True)


def _bound(host: str, port: int) -> socket.socket:
    """A bound socket; a port in use is an error and not another port."""
    if not 0 <= port < 2**16:  # the system would take its last 16 bits
        raise EdgeError(f"--port: expected 0 to {2**16 - 1}, found {port}; choose another")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the port of a server that was killed is free at once
            sock.bind(address)
            sock.listen()
        except OSError:
            sock.close()
            raise
        return sock
    except (OSError, UnicodeError) as error:
        reason = told(error) if isinstance(error, OSError) else str(error)
        raise EdgeError(f"{host}:{port}: expected a free port to listen on, found {reason}; choose another") from None
