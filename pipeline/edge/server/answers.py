"""An answer as OpenAI's objects: one completion, or a stream of chunks."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.edge.server.engines import LoggedToken, Piece, Usage
from pipeline.edge.server.refusal import Refusal

DONE = "data: [DONE]\n\n"


def completion(model: str, pieces: Sequence[Piece], logprobs: bool) -> dict[str, Any]:
    """All pieces as one answer."""
    calls = [_call(*piece.call) for piece in pieces if piece.call]
    message: dict[str, Any] = {"role": "assistant", "content": None if calls else "".join(piece.text for piece in pieces)}
    if calls:
        message["tool_calls"] = calls
    logged = _logged([token for piece in pieces for token in piece.tokens]) if logprobs else None
    choice = {"index": 0, "message": message, "logprobs": logged, "finish_reason": pieces[-1].finish}
    return {**_head(model, "chat.completion"), "choices": [choice], "usage": _usage(pieces[-1].usage), **_more(pieces[-1])}


class Chunks:
    """The events of one streamed answer; the chunks of an answer share their id."""

    def __init__(self, model: str, logprobs: bool, include_usage: bool) -> None:
        self._head, self._logprobs, self._include_usage = _head(model, "chat.completion.chunk"), logprobs, include_usage
        self._begun = False

    def of(self, piece: Piece) -> Iterator[str]:
        """The events of one piece."""
        delta: dict[str, Any] = {"content": piece.text} if piece.call is None else {"tool_calls": [{"index": 0, **_call(*piece.call)}]}
        if not self._begun:
            self._begun, delta = True, {"role": "assistant", **delta}
        logged = _logged(piece.tokens) if self._logprobs and piece.tokens else None
        if piece.text or piece.call or piece.tokens or "role" in delta:
            yield self._event([{"index": 0, "delta": delta, "logprobs": logged, "finish_reason": None}])
        if piece.finish:
            yield self._event([{"index": 0, "delta": {}, "logprobs": None, "finish_reason": piece.finish}], **_more(piece))
            if self._include_usage:
                yield self._event([], usage=_usage(piece.usage))

    def _event(self, choices: list[dict[str, Any]], **more: Any) -> str:
        return _data({**self._head, "choices": choices, **more})


def refused(refusal: Refusal) -> str:
    """The event of an answer that has begun and does not go on."""
    return _data(refusal.to_json())


def _data(content: dict[str, Any]) -> str:
    return f"data: {json.dumps(content, ensure_ascii=False)}\n\n"


def _head(model: str, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": model}


def _more(piece: Piece) -> dict[str, Any]:
    return {} if piece.edge is None else {"edge": piece.edge}


def _call(name: str, arguments: str) -> dict[str, Any]:
    return {"id": f"call_{uuid.uuid4().hex}", "type": "function", "function": {"name": name, "arguments": arguments}}


def _usage(usage: Usage | None) -> dict[str, int] | None:
    return usage and {"prompt_tokens": usage.prompt, "completion_tokens": usage.completion, "total_tokens": usage.prompt + usage.completion}


def _logged(tokens: Sequence[LoggedToken]) -> dict[str, Any]:
    return {"content": [{**_token(token.data, token.logprob), "top_logprobs": [_token(*other) for other in token.top]} for token in tokens]}


def _token(data: bytes, logprob: float) -> dict[str, Any]:
    return {"token": data.decode(errors="replace"), "logprob": logprob, "bytes": list(data)}
