"""Whether served models have drifted, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from pipeline.errors import EdgeError
from pipeline.monitor.finding import Finding, read_finding


class DriftGauges(Collector):
    """Of the files that ``files`` names, each what `edge monitor` found of the model that its stem names.

    They are read at every look, so that a monitor and the servers need not know of each other.  A file that is none, or none yet, is
    passed over: then the time of the last look is missing, or old, which is what to be warned of.
    """

    def __init__(self, files: Callable[[], Iterable[Path]], registry: CollectorRegistry) -> None:
        self._files = files
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        alarms = GaugeMetricFamily("edge_drift_alarms", "Alarms in the decisions that edge monitor looked at", labels=["model", "stream"])
        decisions = GaugeMetricFamily("edge_drift_decisions", "Decisions that it looked at", labels=["model"])
        looked = GaugeMetricFamily("edge_drift_looked_timestamp_seconds", "When it looked, Unix time", labels=["model"])
        for model, finding in self._found():
            for stream, count in finding.alarms.items():
                alarms.add_metric([model, stream], count)
            decisions.add_metric([model], finding.decisions)
            looked.add_metric([model], finding.at)
        yield from (alarms, decisions, looked)

    def _found(self) -> Iterator[tuple[str, Finding]]:
        for file in self._files():
            with suppress(EdgeError, OSError, RecursionError):
                yield file.stem, read_finding(file)
