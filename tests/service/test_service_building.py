"""A job's progress: the artifacts that are foreseen are those that are built."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.compress.chain import compress
from pipeline.compress.recipe import load_recipe
from pipeline.profile import load_profile
from pipeline.service.building import FLOW, steps_of
from pipeline.store import Artifact, Spec


@pytest.mark.parametrize("name", ["int8", "edge-200mb", "qat-int4", "progressive", "gptq"])
@pytest.mark.parametrize("profile", ["reference", "qwen3-0.6b-shape"])
def test_every_artifact_is_foreseen(name: str, profile: str, tmp_path: Path) -> None:
    """What is learnt is one too, where a profile heals."""
    built: list[str] = []

    def build(spec: Spec) -> Artifact:
        built.append(spec.kind)
        return Artifact(f"key of {spec.kind}", spec.kind, tmp_path, {})

    made, recipe = load_profile(profile), load_recipe(name)
    compress(build, made, recipe, *(Artifact(kind, kind, tmp_path, {}) for kind in ("merged", "data")))
    assert steps_of(made, recipe) == len(FLOW) + len(built)
    assert built.count("teacher-answers") == (profile == "reference" and name in ("edge-200mb", "qat-int4"))
