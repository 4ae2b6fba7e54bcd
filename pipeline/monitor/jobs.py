"""What the service's jobs do, for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

STATES = ("queued", "running", "succeeded", "failed", "cancelled")
ENDED = STATES[2:]
SECONDS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600)


class JobMetrics:
    """Collectors in a registry of their own, or in the one that is given.

    How many jobs are in which state is told whole, for the jobs' own store knows it across processes and restarts; how long they
    waited and took is told once, when it happened.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._registry = registry or CollectorRegistry()
        kept = self._registry
        self._now = Gauge("edge_jobs", "Jobs by state", ["kind", "state"], registry=kept)
        self._ended = Counter("edge_jobs_ended", "Jobs that have ended, by how", ["kind", "state"], registry=kept)
        self._waits = Histogram("edge_job_wait_seconds", "From queued to running", ["kind"], registry=kept, buckets=SECONDS)
        self._takes = Histogram("edge_job_seconds", "From running to the end", ["kind", "state"], registry=kept, buckets=SECONDS)

    def show(self, counts: Mapping[tuple[str, str], int]) -> None:
        """How many jobs there are now by kind and state; a pair that is missing has none."""
        kinds = {kind for kind, _ in counts}
        unknown = {state for _, state in counts} - set(STATES)
        if unknown:
            raise ValueError(f"expected states of {', '.join(STATES)}, found {', '.join(sorted(unknown))}")
        self._now.clear()
        for kind in kinds:
            for state in STATES:
                self._now.labels(kind, state).set(counts.get((kind, state), 0))

    def started(self, kind: str, waited: float) -> None:
        """A job begins to run after ``waited`` s in the queue."""
        self._waits.labels(kind).observe(max(0.0, waited))

    def ended(self, kind: str, state: str, took: float | None) -> None:
        """A job ended in ``state``; took: s from its start, None where it never started."""
        if state not in ENDED:
            raise ValueError(f"expected a state of {', '.join(ENDED)}, found {state}")
        self._ended.labels(kind, state).inc()
        if took is not None:
            self._takes.labels(kind, state).observe(max(0.0, took))

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)
