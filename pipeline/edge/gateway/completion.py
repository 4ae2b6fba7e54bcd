"""Reading a cloud's chat completion, whole or streamed, as it may be: cut, endless, or none at all."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pipeline.edge.gateway.part import Part
from pipeline.errors import EdgeError

if TYPE_CHECKING:
    import httpx

FINISHES = ("stop", "length", "content_filter")


class CloudError(EdgeError):
    """Why the cloud gave no answer, or not all of it.

    trouble: unreachable, slow, busy, failing, refused, garbage, cut or resting.  again: another attempt may help.
    counts: it speaks against the cloud's health.  retry_after: s that the cloud asked to wait, or None.
    """

    def __init__(self, trouble: str, message: str, *, again: bool = False, counts: bool = True, retry_after: float | None = None) -> None:
        super().__init__(f"cloud: {message}")
        self.trouble, self.again, self.counts, self.retry_after = trouble, again, counts, retry_after


def garbage(found: str) -> CloudError:
    return CloudError("garbage", f"expected a chat completion with some text, found {found:.80}; check its URL and the model's name")


def read_parts(response: httpx.Response, deadline: float, longest: int) -> Iterator[Part]:
    """The parts of an answer, at least one with text, the last with its finish; CloudError as soon as it is none.

    deadline: on the clock of ``time.monotonic``.  longest: bytes.
    """
    data = _bytes(response, deadline, longest)
    streamed = response.headers.get("content-type", "").startswith("text/event-stream")
    parts = _streamed(data) if streamed else _whole(b"".join(data))
    said = False
    for part in parts:
        said = said or bool(part.text.strip())
        if part.finish and not said:
            raise garbage("an answer without text")
        if part.text or part.finish:
            yield part
        if part.finish:
            return
    raise CloudError("cut", "expected the answer to its end, found it cut off; try again", again=True)


def read_answer(response: httpx.Response, deadline: float, longest: int) -> dict[str, Any]:
    """The JSON object of an answer that is no chat completion; CloudError for any other.  deadline, longest: as for ``read_parts``."""
    return _object(b"".join(_bytes(response, deadline, longest)))


def _bytes(response: httpx.Response, deadline: float, longest: int) -> Iterator[bytes]:
    """What arrives, as it was sent: compressed data, never asked for, would have no bound."""
    total = 0
    for data in response.iter_raw():
        total += len(data)
        if total > longest:
            raise garbage(f"more than {longest} bytes")
        if time.monotonic() > deadline:
            raise CloudError("slow", "expected the whole answer in time, found it still coming; allow more time")
        yield data


def _whole(data: bytes) -> Iterator[Part]:
    content = _object(data)
    choice = _choice(content)
    yield Part(_text(choice.get("message")), _finish(choice.get("finish_reason") or "stop"), _usage(content))


def _streamed(data: Iterator[bytes]) -> Iterator[Part]:
    finish, usage = None, None
    for event in _events(data):
        if event == b"[DONE]":
            break
        content = _object(event)
        usage = _usage(content) or usage
        if content.get("choices") == []:  # where usage comes alone
            continue
        choice = _choice(content)
        finish = choice.get("finish_reason") or finish
        yield Part(_text(choice.get("delta")))
    if finish:
        yield Part("", _finish(finish), usage)


def _events(data: Iterator[bytes]) -> Iterator[bytes]:
    """The data of each server-sent event; a line of theirs is one event's."""
    rest = b""
    for chunk in data:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line.removeprefix(b"data:").strip()


def _object(data: bytes) -> dict[str, Any]:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise garbage(repr(data[:60]))
    return content


def _choice(content: dict[str, Any]) -> dict[str, Any]:
    choices = content.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise garbage(f"the fields {', '.join(map(repr, content))}")
    return choices[0]


def _text(message: object) -> str:
    """The content of a message or delta, in valid Unicode."""
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, str | None) or not isinstance(message, dict):
        raise garbage(f"a message of type {type(message).__name__}")
    return (content or "").encode("utf-8", errors="replace").decode()


def _finish(reason: object) -> str:
    return reason if isinstance(reason, str) and reason in FINISHES else "stop"


def _usage(content: dict[str, Any]) -> dict[str, Any] | None:
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    usage = content.get("usage")
    whole = isinstance(usage, dict) and all(type(usage.get(name)) is int for name in names)
    return {name: usage[name] for name in names} if whole else None
