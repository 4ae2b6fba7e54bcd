"""A client for applications: the cloud's model or the compressed local one, by configuration alone."""

from pipeline.client.answers import Answer, Embedded, Health, Reranked, Skipped
from pipeline.client.asynchronous import AsyncClient
from pipeline.client.client import Client
from pipeline.client.settings import Settings

__all__ = ["Answer", "AsyncClient", "Client", "Embedded", "Health", "Reranked", "Settings", "Skipped"]
