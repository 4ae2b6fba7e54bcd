from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.compress import FAMILIES, GRAPH, WEIGHTS, settings_of, technique, technique_names
from pipeline.compress.chain import compress
from pipeline.compress.predicted import predict
from pipeline.compress.recipe import load_recipe, recipes
from pipeline.data.generate import generate
from pipeline.errors import EdgeError
from pipeline.profile import load_profile
from pipeline.store import Artifact, Spec, Store


def recipe(folder: Path, text: str) -> Path:
    (file := folder / "mine.yaml").write_text(f"name: mine\nsays: mine\n{text}", encoding="utf-8")
    return file


@pytest.mark.parametrize("name", technique_names())
def test_every_technique_says_what_it_is(name):
    module = technique(name)
    assert module.STAGE in (WEIGHTS, GRAPH) and module.FAMILY in FAMILIES and module.LIBRARIES
    assert module.__doc__ and module.Settings.__doc__ and settings_of(name).Settings is module.Settings


@pytest.mark.parametrize("name", recipes())
@pytest.mark.parametrize("profile", ["reference", "qwen3-0.6b-shape"])
def test_every_recipe_of_the_project_is_named_as_its_file_and_can_be_predicted(name, profile):
    found = load_recipe(name)
    assert found.name == name and found.says
    original, *steps = predict(found, load_profile(profile))
    assert 0 < steps[-1].plan.bytes <= original.plan.bytes and all(step.seconds >= 0 for step in steps)


@pytest.mark.parametrize(("text", "message"), [
    ("steps: []", "steps"),
    ("steps: [{squeeze: {}}]", "technique 'squeeze': expected one of"),
    ("steps: [{int8: {bits: 3}}]", "int8: bits: Extra inputs"),
    ("steps: [{int8: {}, int4: {}}]", "expected one technique a step, found int8, int4"),
    ("steps: [{int8: {}}, {depth: {keep: 0.5}}]", "expected those on weights before those on the exported graph"),
    ("steps: [{int8: {}}]\nruntime: torch", "runtime: expected onnx"),
    ("steps: [{depth: {keep: 7}}]", "depth"),
    ("steps: [int8]", "steps"),
    ("steps: [{int8: {}}]\nprefixes: true", "prefixes"),
])
def test_a_malformed_recipe_is_one_line(tmp_path, text, message):
    file = recipe(tmp_path, text)
    with pytest.raises(EdgeError, match=message) as caught:
        load_recipe(str(file))
    assert str(file) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["best", "../reference", "missing.yaml"])
def test_an_unknown_recipe_is_one_line(name):
    with pytest.raises(EdgeError, match="expected") as caught:
        load_recipe(name)
    assert "\n" not in str(caught.value)


def test_a_changed_last_step_rebuilds_that_one_alone(merged, tmp_path):
    store, profile = Store(tmp_path / "store"), load_profile("reference")
    built: list[str] = []

    def build(spec: Spec):
        if not store.holds(spec):
            built.append(spec.kind)
        return store.get(spec)

    def copied(work):
        for file in merged.iterdir():
            (work.out / file.name).write_bytes(file.read_bytes())

    data = build(Spec("data", lambda work: generate(work.out, seed=1, train=60, validation=30, test=6, challenge=6), {}))
    model = build(Spec("merged", copied, {}))
    steps = "steps: [{vocab: {rows: 350}}, {depth: {layers: 1}}, {%s}]"
    built.clear()
    first = compress(build, profile, load_recipe(str(recipe(tmp_path, steps % "int8: {}"))), model, data)
    assert built == ["vocab", "depth", "onnx-fp32", "onnx-int8", "decision"]
    assert list(first.techniques) == ["1 vocab", "2 depth", "3 int8"] and first.model.kind == "onnx-int8"
    built.clear()
    second = compress(build, profile, load_recipe(str(recipe(tmp_path, steps % "fp16: {}"))), model, data)
    assert built == ["onnx-fp16"] and second.decision == first.decision
    report = json.loads(first.techniques["2 depth"].file("compression.json").read_text())
    assert report["parameters"]["after"] < report["parameters"]["before"] and report["bytes"]["after"] < report["bytes"]["before"]


def test_a_step_is_made_from_the_one_before_and_healed_and_decided_by_the_right_weights(tmp_path):
    """The teacher is what the merged model answers; a graph step looks up, and is decided by, the weights that were exported."""
    asked: dict[str, dict[str, str]] = {}

    def build(spec: Spec) -> Artifact:
        asked[spec.kind] = {name: artifact.kind for name, artifact in spec.inputs.items()}
        return Artifact(f"key of {spec.kind}", spec.kind, tmp_path, {})

    given = [Artifact(f"key of {kind}", kind, tmp_path, {}) for kind in ("merged", "data")]
    file = recipe(tmp_path, "steps: [{depth: {layers: 1}}, {distil: {}}, {gptq: {}}, {pack: {}}]")
    made = compress(build, load_profile("reference"), load_recipe(str(file)), *given)
    assert asked == {
        "depth": {"model": "merged", "data": "data"}, "teacher-answers": {"teacher": "merged", "data": "data"},
        "distil": {"model": "depth", "teacher": "teacher-answers", "data": "data"},
        "gptq": {"model": "distil", "data": "data"}, "onnx-fp32": {"merged": "gptq"}, "onnx-pack": {"model": "onnx-fp32", "origin": "gptq"},
        "decision": {"merged": "gptq", "data": "data"}}
    assert (made.model.kind, made.decision.kind) == ("onnx-pack", "decision")


def test_steps_that_mend_behaviour_are_left_out_where_a_profile_tells_nothing_about_it(merged, tmp_path):
    """Random weights have nothing to heal, and at full scale it would take hours."""
    profile = load_profile("qwen3-0.6b-shape")
    asked = []

    def build(spec: Spec):
        asked.append(spec.kind)
        raise EdgeError("enough")

    file = recipe(tmp_path, "steps: [{distil: {}}, {int8: {}}]")
    with pytest.raises(EdgeError, match="enough"):
        compress(build, profile, load_recipe(str(file)), Store(tmp_path).get(Spec("m", lambda w: (w.out / "f").touch(), {})), None)
    assert asked == ["onnx-fp32"]
