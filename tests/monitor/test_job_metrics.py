"""Prometheus reads what the service tells of its jobs."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.monitor.jobs import STATES, JobMetrics


def samples(metrics: JobMetrics) -> dict[tuple[str, ...], float]:
    return {(sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(metrics.text().decode()) for sample in family.samples}


def test_states_are_told_whole_and_a_state_that_emptied_is_zero() -> None:
    metrics = JobMetrics()
    metrics.show({("quantize", "queued"): 3, ("prune", "running"): 1})
    metrics.show({("quantize", "running"): 2})
    found = samples(metrics)
    assert {state: found["edge_jobs", *sorted(("quantize", state))] for state in STATES} == {
        "queued": 0, "running": 2, "succeeded": 0, "failed": 0, "cancelled": 0}
    assert not any("prune" in key for key in found)


def test_waits_and_durations_are_counted_once() -> None:
    metrics = JobMetrics()
    metrics.started("distill", 0.3)
    metrics.ended("distill", "failed", 12.0)
    metrics.ended("distill", "cancelled", None)
    found = samples(metrics)
    assert found["edge_job_wait_seconds_sum", "distill"] == 0.3 and found["edge_job_seconds_sum", "distill", "failed"] == 12.0
    assert found["edge_jobs_ended_total", "distill", "failed"] == found["edge_jobs_ended_total", "cancelled", "distill"] == 1
    assert ("edge_job_seconds_count", "cancelled", "distill") not in found


def test_a_state_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="expected states of queued, running, succeeded, failed, cancelled, found lost"):
        JobMetrics().show({("prune", "lost"): 1})
    with pytest.raises(ValueError, match="expected a state of succeeded, failed, cancelled, found running"):
        JobMetrics().ended("prune", "running", 1.0)
