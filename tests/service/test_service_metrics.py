"""What /metrics tells of jobs that have ended: each once, however often it is asked and whatever ended in the same millisecond."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

from prometheus_client.parser import text_string_to_metric_families

from pipeline.service.executors import Executors
from pipeline.service.jobs import Ended
from pipeline.service.metrics import Metrics


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    return {(sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(metrics.text().decode()) for sample in family.samples}


def test_a_job_that_has_ended_is_counted_once(tmp_path: Path) -> None:
    done = [Ended("a", "prune", "succeeded", 1000, 1.0, 2.0)]
    jobs = SimpleNamespace(ended=lambda since: [job for job in done if job.ended >= since],
                           unfinished=lambda: Counter({("prune", "running"): 1}))
    metrics = Metrics(jobs, Executors(tmp_path, "sqlite:///x"), tmp_path)
    samples(metrics)
    done += [Ended("b", "prune", "succeeded", 1000, 3.0, 4.0), Ended("c", "prune", "cancelled", 1001, None, None)]
    for _ in range(2):
        found = samples(metrics)
    assert found["edge_jobs_ended_total", "prune", "succeeded"] == found["edge_jobs", "prune", "succeeded"] == 2
    assert found["edge_jobs", "prune", "running"] == found["edge_jobs", "prune", "cancelled"] == 1
    assert found["edge_job_wait_seconds_sum", "prune"] == 4.0 and found["edge_job_seconds_sum", "prune", "succeeded"] == 6.0
    assert found["edge_job_workers",] == 0
