"""The client for an event loop: each request on a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.client.answers import Answer, Embedded, Health, Reranked
from pipeline.client.client import Client
from pipeline.client.privacy import Message


class AsyncClient:
    """As `Client`, awaited; ``async with`` closes it."""

    def __init__(self, path: Path | str | None = None) -> None:
        self.sync = Client(path)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await asyncio.to_thread(self.sync.close)

    async def chat(self, messages: Sequence[Message], **options: Any) -> Answer:
        return await asyncio.to_thread(self.sync.chat, messages, **options)

    async def stream(self, messages: Sequence[Message], **options: Any) -> AsyncIterator[str]:
        """The texts as they come."""
        texts = iter(await asyncio.to_thread(self.sync.stream, messages, **options))
        while (text := await asyncio.to_thread(next, texts, None)) is not None:
            yield text

    async def embed(self, texts: Sequence[str], **options: Any) -> Embedded:
        return await asyncio.to_thread(self.sync.embed, texts, **options)

    async def rerank(self, query: str, documents: Sequence[str], **options: Any) -> Reranked:
        return await asyncio.to_thread(self.sync.rerank, query, documents, **options)

    async def health(self) -> dict[str, Health]:
        return await asyncio.to_thread(self.sync.health)
