"""What the server counts, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from pipeline.edge.server.engines import Usage
from pipeline.monitor.gauges import DriftGauges

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
OTHER = "other"  # for any model that is not served: names sent by clients would have no bound


class Metrics:
    """Counters of one server in a registry of its own.  drift: what `edge monitor` finds of its decisions."""

    def __init__(self, models: Iterable[str], drift: Path | None = None) -> None:
        self._registry, self._models = CollectorRegistry(), set(models)
        ProcessCollector(registry=self._registry)
        DriftGauges(lambda: [drift] if drift else [], self._registry)
        kept = self._registry
        self._requests = Counter("edge_requests", "Chat requests answered or refused", ["model", "status"], registry=kept)
        self._seconds = Histogram("edge_request_seconds", "Of a request, head to last byte", ["model"], registry=kept, buckets=SECONDS)
        self._tokens = Counter("edge_tokens", "Tokens read and written", ["model", "direction"], registry=kept)
        self.waiting = Gauge("edge_queue_depth", "Requests that wait for a worker", ["model"], registry=kept)
        self.running = Gauge("edge_in_flight", "Requests that a worker answers", ["model"], registry=kept)

    def count(self, model: str, status: int, seconds: float) -> None:
        """One request that has ended."""
        name = model if model in self._models else OTHER
        self._requests.labels(name, str(status)).inc()
        self._seconds.labels(name).observe(seconds)

    def count_tokens(self, model: str, usage: Usage) -> None:
        """The tokens of one answer."""
        self._tokens.labels(model, "in").inc(usage.prompt)
        self._tokens.labels(model, "out").inc(usage.completion)

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)
