"""What may be sent where: text that is marked local stays on this machine, whatever the configuration says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.edge.gateway.question import LOCAL_ONLY, may_leave

Message = Mapping[str, Any]


def is_private(messages: Sequence[Message], options: Mapping[str, Any]) -> bool:
    """Whether the question is marked local as the gateway takes it: the last message's ``name``, or the request's metadata."""
    metadata = options.get("metadata")
    said = metadata.get(LOCAL_ONLY) if isinstance(metadata, Mapping) else None
    return said in ("true", True) or bool(messages) and messages[-1].get("name") == LOCAL_ONLY


def leaving(messages: Sequence[Message]) -> list[Message]:
    """The messages that another machine may be sent: none marked local, nor what was answered to it."""
    free = may_leave([(str(message.get("role")), message.get("name")) for message in messages])
    return [message for message, may in zip(messages, free, strict=True) if may]
