"""Versions of compressed models with their lineage, behind a gate: mlflow keeps them, an audit says who did what when."""

from pipeline.registry.audit import Event
from pipeline.registry.registry import Registry, open_registry
from pipeline.registry.version import CHALLENGER, CHAMPION, Lineage, Version

__all__ = ["CHALLENGER", "CHAMPION", "Event", "Lineage", "Registry", "Version", "open_registry"]
