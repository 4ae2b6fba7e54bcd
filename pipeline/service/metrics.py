"""What the service tells Prometheus: its jobs by kind and state, how long they waited and took, its workers, and what has drifted."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge

from pipeline.monitor.gauges import DriftGauges
from pipeline.monitor.jobs import JobMetrics
from pipeline.service.executors import Executors
from pipeline.service.jobs import JobList


class Metrics:
    """Read from the database when it is asked: the jobs that have ended since the last time, and those that have not.

    drift: the folder of what `edge monitor` found, a file a model.
    """

    def __init__(self, jobs: JobList, executors: Executors, drift: Path) -> None:
        registry = CollectorRegistry()
        self._jobs, self._metrics, self._lock = jobs, JobMetrics(registry), threading.Lock()
        self._ended, self._seen, self._since = Counter[tuple[str, str]](), dict[str, int](), 0
        Gauge("edge_job_workers", "Living worker processes of this host", registry=registry).set_function(executors.living)
        DriftGauges(lambda: sorted(drift.glob("*.json")), registry)

    def text(self) -> bytes:
        """In Prometheus' text format."""
        with self._lock:
            for job in self._jobs.ended(self._since):
                if job.id not in self._seen:
                    self._seen[job.id] = job.ended
                    self._ended[job.kind, job.state] += 1
                    if job.waited is not None:
                        self._metrics.started(job.kind, job.waited)
                    self._metrics.ended(job.kind, job.state, job.took)
            self._since = max(self._seen.values(), default=0)
            self._seen = {job: ended for job, ended in self._seen.items() if ended == self._since}  # the next look finds these again
            self._metrics.show(self._ended + self._jobs.unfinished())
            return self._metrics.text()
