from __future__ import annotations

from pathlib import Path

from fixtures.profile import _roles
from pipeline.store import Artifact


def test_every_artifact_has_a_role_of_its_own_and_a_recipe_takes_none_from_the_documented_model():
    """A baseline finds the model that it measures again by its role."""
    kinds = {"k1": "onnx-int8", "k2": "onnx-int8", "k3": "onnx-int8", "d1": "decision", "d2": "decision"}
    found = [Artifact(key, kind, Path("."), {}) for key, kind in kinds.items()]
    measured = ({"edge-200mb": "k2", "edge-200mb decision": "d1"}, {"model of int8": "k3", "candidate": "k3"},
                {"onnx-int8": "k3", "decision": "d2"})
    entries = [{"measurement": {"artifacts": artifacts}} for artifacts in measured]
    assert _roles(found, entries) == {"k1": "onnx-int8 k1", "k2": "edge-200mb", "k3": "onnx-int8", "d1": "edge-200mb decision",
                                      "d2": "decision"}
