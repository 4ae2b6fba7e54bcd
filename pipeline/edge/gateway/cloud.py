"""The cloud: any server of OpenAI's API, asked with patience and left alone while it fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx
import pybreaker
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_before_delay, wait_exponential_jitter

from pipeline.edge.gateway.completion import CloudError, read_answer, read_parts
from pipeline.edge.gateway.limits import Limits
from pipeline.edge.gateway.part import Part
from pipeline.edge.loopback import is_loopback
from pipeline.errors import EdgeError

Messages = Sequence[Mapping[str, Any]]
T = TypeVar("T")


class Cloud:
    """Asks ``base_url`` for ``model``.  The key goes to that host alone: no redirect is followed, no proxy is used.

    Safe from several threads at once.  EdgeError for a URL of no use, or one that would carry the key in the clear; it names
    ``setting``, where the user wrote the URL.
    """

    def __init__(self, base_url: str, model: str, api_key: str | None, limits: Limits, setting: str = "--cloud") -> None:
        headers = {"Accept-Encoding": "identity", **({"Authorization": f"Bearer {api_key}"} if api_key else {})}
        self._model, self._limits = model, limits
        self._client = httpx.Client(
            base_url=_checked(base_url, bool(api_key), setting), headers=headers, follow_redirects=False, trust_env=False,
            timeout=httpx.Timeout(limits.silence, connect=limits.connect), limits=httpx.Limits(max_connections=None))
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=limits.failures, reset_timeout=limits.rest, throw_new_error_on_trip=False,
            exclude=[lambda error: not getattr(error, "counts", False)])

    @property
    def resting(self) -> bool:
        """Whether the breaker is open: nothing is sent for a while."""
        return self._breaker.current_state == pybreaker.STATE_OPEN

    def ask(self, messages: Messages, options: Mapping[str, Any]) -> Iterator[Part]:
        """The answer's parts.  The first arrives within the attempts or this raises CloudError; later nothing is retried.

        options: other fields of the request, such as stream and temperature.
        """
        body = {**options, "model": self._model, "messages": list(messages)}
        first, rest = self._patiently(lambda deadline: self._begin(body, deadline), self._limits.attempts)
        yield first
        yield from rest

    def fetch(self, method: str, path: str, body: Mapping[str, Any] | None = None, attempts: int | None = None) -> dict[str, Any]:
        """The JSON object that any other path of the API answers with; CloudError as for ``ask``."""
        return self._patiently(lambda deadline: self._object(method, path, body, deadline), attempts or self._limits.attempts)

    def close(self) -> None:
        self._client.close()

    def _patiently(self, attempt: Callable[[float], T], attempts: int) -> T:
        """What ``attempt`` brings until a deadline, on the clock of ``time.monotonic``; it is tried again where that may help."""
        deadline = time.monotonic() + self._limits.total
        return Retrying(
            retry=retry_if_exception(lambda error: self._worth_another(error)), wait=self._wait, reraise=True,
            stop=stop_after_attempt(attempts) | stop_before_delay(self._limits.total))(attempt, deadline)

    def _begin(self, body: dict[str, Any], deadline: float) -> tuple[Part, Iterator[Part]]:
        parts = self._attempt(body, deadline)
        return next(parts), parts

    def _attempt(self, body: dict[str, Any], deadline: float) -> Iterator[Part]:
        with self._asking("POST", "chat/completions", body) as response:
            yield from read_parts(response, deadline, self._limits.longest_answer)

    def _object(self, method: str, path: str, body: Mapping[str, Any] | None, deadline: float) -> dict[str, Any]:
        with self._asking(method, path, body) as response:
            return read_answer(response, deadline, self._limits.longest_answer)

    @contextmanager
    def _asking(self, method: str, path: str, body: Mapping[str, Any] | None) -> Iterator[httpx.Response]:
        try:
            with self._breaker.calling(), _told(), self._client.stream(method, path, json=body) as response:
                _check(response)
                yield response
        except pybreaker.CircuitBreakerError:
            raise CloudError("resting", "failed several times in a row and is left alone for a while; wait", counts=False) from None

    def _worth_another(self, error: BaseException) -> bool:
        return isinstance(error, CloudError) and error.again and (error.retry_after or 0) <= self._limits.longest_wait

    def _wait(self, state: RetryCallState) -> float:
        """What the cloud asked for, else longer each time, with jitter so that many clients do not come back at once."""
        error = state.outcome.exception() if state.outcome else None
        asked = getattr(error, "retry_after", None)
        first = self._limits.first_wait
        return asked if asked is not None else wait_exponential_jitter(multiplier=first, max=self._limits.longest_wait, jitter=first)(state)


def _checked(base_url: str, has_key: bool, setting: str) -> str:
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, UnicodeError):
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
        raise EdgeError(f"{setting}: expected a base URL such as https://host/v1, found {base_url.split('@')[-1]!r:.80}; correct it")
    if has_key and url.scheme == "http" and not is_loopback(url.host):
        raise EdgeError(f"{setting}: expected https where a key is sent, found http to {url.host}; use https or unset the key")
    return str(url)


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong on the way, as a CloudError; no word of the request or its headers is repeated."""
    try:
        yield
    except httpx.TimeoutException as error:
        connecting = isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout)
        raise CloudError("unreachable" if connecting else "slow", "expected an answer in time, found none; try again later",
                         again=connecting) from None
    except (httpx.RemoteProtocolError, httpx.ReadError) as error:
        raise CloudError("cut", f"expected the whole answer, found the connection broken ({type(error).__name__}); try again",
                         again=True) from None
    except httpx.HTTPError as error:
        raise CloudError("unreachable", f"expected to reach it, found {type(error).__name__}; check its URL and the network",
                         again=True) from None


def _check(response: httpx.Response) -> None:
    status = response.status_code
    if status == 200:
        return
    after = _seconds(response.headers.get("retry-after", ""))
    if status == 429:
        raise CloudError("busy", "expected an answer, found status 429, too many requests; wait", again=True, counts=False,
                         retry_after=after)
    if status >= 500:
        raise CloudError("failing", f"expected an answer, found status {status}; try again later", again=True, retry_after=after)
    raise CloudError("refused", f"expected an answer, found status {status}; check its URL, the model's name and the key", counts=False)


def _seconds(retry_after: str) -> float | None:
    """Of the header Retry-After, seconds or a date; None where it says neither."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
