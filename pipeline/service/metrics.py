"""What the service tells Prometheus of its jobs."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from pipeline.service.executors import Executors
from pipeline.service.jobs import JobList


def exposition(jobs: JobList, executors: Executors) -> bytes:
    """Everything in Prometheus' text format, read from the database at this moment."""
    registry = CollectorRegistry()
    unfinished = Gauge("edge_compression_jobs", "Jobs that wait or run", ["state"], registry=registry)
    for state, count in jobs.counts().items():
        unfinished.labels(state).set(count)
    Gauge("edge_compression_workers", "Living worker processes of this host", registry=registry).set(executors.living())
    return generate_latest(registry)
