"""Content-addressed artifacts: built once, locked, atomic, verified, resumable, shareable over fsspec."""

from pipeline.store.artifact import Artifact, DamagedError, Spec, Workspace
from pipeline.store.objects import Store

__all__ = ["Artifact", "DamagedError", "Spec", "Store", "Workspace"]
