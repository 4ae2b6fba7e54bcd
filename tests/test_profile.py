"""A profile with the user's own model and data in it, and what the keys of its artifacts depend on."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import yaml
from safetensors.numpy import save_file

from pipeline import specs
from pipeline.data.records import CONFIDENCE_THRESHOLD
from pipeline.digest import code_sources
from pipeline.errors import EdgeError
from pipeline.profile import PROFILES, load_profile
from pipeline.store import Artifact, Store
from tests.models import tiny_model

DATA = Artifact("0" * 64, "data", Path("nowhere"), {})


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model in the user's home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return tiny_model(tmp_path / "m")


def own_profile(tmp_path: Path, **changes: object) -> str:
    content = yaml.safe_load((PROFILES / "qwen3-0.6b.yaml").read_text(encoding="utf-8"))
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({**content, **changes}), encoding="utf-8")
    return str(tmp_path / "mine.yaml")


def test_a_model_named_by_a_tilde_is_known_by_its_content(model: Path, tmp_path: Path) -> None:
    store, keys = Store(tmp_path / "store"), []
    for value in (1, 2):
        save_file({"w": numpy.full((4, 4), value, numpy.float32)}, model / "model.safetensors")
        keys += [store.key(specs.base(load_profile("qwen3-0.6b", name), DATA)) for name in ("~/m", str(model))]
    assert keys[0] == keys[1] != keys[2] == keys[3]


def test_a_small_model_does_not_pass_for_the_documented_one(model: Path, tmp_path: Path) -> None:
    spec = specs.base(load_profile("qwen3-0.6b", str(model)), DATA)
    with pytest.raises(EdgeError, match="expected a base of 596,049,920 parameters"):
        Store(tmp_path / "store").get(spec)


def test_scale_needs_a_size(model: Path, tmp_path: Path) -> None:
    base = {"kind": "pretrained"}
    with pytest.raises(EdgeError, match="expected base.parameters"):
        load_profile(own_profile(tmp_path, base=base), str(model))
    small = load_profile(own_profile(tmp_path, base=base, tells=["behaviour"]), str(model))
    assert Store(tmp_path / "store").get(specs.base(small, DATA)).file("model.safetensors").is_file()


@pytest.mark.parametrize(("mix", "says"), [
    ({"weather": 1.0}, "expected one of the intents weather_query, .*, found 'weather'"),
    ({"weather": 0.0, "weather_query": 1.0}, "found 'weather'"),
    ({"weather_query": 2.0, "open_chat": -1.0}, "expected non-negative weights"),
    ({"weather_query": 0.0}, "add up to more than 0"),
    ({}, "add up to more than 0"),
    ({"weather_query": float("nan")}, "expected non-negative weights"),
])
def test_a_mix_that_no_scenario_can_be_drawn_by_is_refused_at_once(mix: dict[str, float], says: str, tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match=f"mine.yaml: data.scenario_mix: .*{says}") as caught:
        load_profile(own_profile(tmp_path, data={"scenario_mix": mix}))
    assert "\n" not in str(caught.value)


def test_a_mix_of_some_intents_in_any_weights_is_taken(tmp_path: Path) -> None:
    mix = {"weather_query": 3.0, "open_chat": 1.0}
    assert load_profile(own_profile(tmp_path, data={"scenario_mix": mix})).data.scenario_mix == mix


def test_the_records_threshold_is_the_least_of_the_decision() -> None:
    assert load_profile("reference").decision.least_confidence == CONFIDENCE_THRESHOLD


def test_the_decision_depends_on_the_runtime_that_calibrates_it() -> None:
    spec = specs.decision(load_profile("reference"), DATA, DATA)
    assert "pipeline/runtime/torch_runtime.py" in code_sources(spec.code)
    assert {"torch", "tokenizers", "scipy", "numpy"} <= set(spec.libraries)


def test_another_format_makes_it_another_profile():
    assert load_profile("reference").name == load_profile("reference", format="onnx-int8").name == "reference"
    assert load_profile("reference", format="coreml-int8").name == "reference as coreml-int8"
    assert load_profile("qwen3-0.6b-mlx-4bit", format="mlx-4bit").name == "qwen3-0.6b-mlx-4bit"
    with pytest.raises(EdgeError, match="format 'coreml-int3': expected one of .*coreml-int8.* or onnx-int8"):
        load_profile("reference", format="coreml-int3")
