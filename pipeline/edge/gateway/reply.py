"""An answer as OpenAI's objects: one completion, or a stream of chunks.  What was decided stands beside it as ``edge``."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

from pipeline.edge.gateway.flow import Answer


def completion(answer: Answer) -> dict[str, Any]:
    """The whole answer, read to its end."""
    parts = list(answer.parts)
    message = {"role": "assistant", "content": "".join(part.text for part in parts)}
    choice = {"index": 0, "message": message, "finish_reason": parts[-1].finish, "logprobs": None}
    return {**_head("chat.completion", answer.model), "choices": [choice], "usage": parts[-1].usage, "edge": answer.told.to_json()}


def events(answer: Answer, include_usage: bool) -> Iterator[str]:
    """Server-sent events.  ``edge`` comes with the first chunk, as far as it is decided, and with the last, complete."""
    head = _head("chat.completion.chunk", answer.model)

    def chunk(delta: dict[str, str], finish: str | None = None, **more: Any) -> str:
        return _event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}], **more})

    yield chunk({"role": "assistant", "content": ""}, edge=answer.told.to_json())
    for part in answer.parts:
        if part.text:
            yield chunk({"content": part.text})
        if part.finish:
            yield chunk({}, part.finish, edge=answer.told.to_json())
            if include_usage and part.usage:
                yield _event({**head, "choices": [], "usage": part.usage})
    yield "data: [DONE]\n\n"


def _event(content: dict[str, Any]) -> str:
    return f"data: {json.dumps(content, ensure_ascii=False)}\n\n"


def _head(kind: str, model: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": model}
