"""The teacher's answers as an artifact: asked for once, and students learn from them what they learn from the teacher itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.compress import Source, teacher, technique
from pipeline.compress.chain import Compressed, compress
from pipeline.compress.recipe import ORIGINAL, Step
from pipeline.compress.teacher import ANSWERS, keep_answers
from pipeline.compress.training import Training
from pipeline.errors import EdgeError
from pipeline.profile import load_profile
from pipeline.specs import teacher_answers
from pipeline.store import Artifact, Spec, Store, Workspace
from tests.compress.healing import half_as_deep, weights_of
from tests.export.tiny_qwen3 import compress as one_step

FEW = {"transfer": 20, "epochs": 0.2, "batch_size": 32}


@pytest.fixture(scope="module")
def pruned(taught: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return half_as_deep(taught.model, tmp_path_factory.mktemp("pruned") / "model")


@pytest.mark.parametrize(("name", "settings", "layers"), [
    ("distil", {"hard": 0.5}, ()), ("distil", {"features": 0.5}, (2, 4)), ("qat", {"group": 16}, ()), ("supernet", {"least": 1}, ()),
], ids=str)
def test_the_student_is_the_same_to_the_bit(taught: Source, pruned: Path, tmp_path: Path, name: str, settings: dict, layers: tuple) -> None:
    """Its report too; the kept answers hold no model that could be asked."""
    (kept := tmp_path / "kept").mkdir()
    keep_answers(kept, taught, FEW["transfer"], 42, layers)
    assert sorted(file.name for file in kept.iterdir()) == [ANSWERS, "queries.json"]
    for out, source in (("asked", replace(taught, model=pruned)), ("kept-out", replace(taught, model=pruned, teacher=kept))):
        one_step(name, tmp_path / out, source, **FEW, **settings)
    assert weights_of(tmp_path / "asked") == weights_of(tmp_path / "kept-out") != weights_of(pruned)
    reports = [json.loads((tmp_path / out / "compression.json").read_text()) for out in ("asked", "kept-out")]
    assert reports[0] == reports[1] and reports[0]["queries"] == {"train": 160, "transfer": 20, "validation": 60}


@pytest.mark.parametrize("wanted", [{"transfer": 21}, {"seed": 1}, {"features": 1.0}], ids=str)
def test_answers_to_something_else_are_one_line(taught: Source, tmp_path: Path, wanted: dict) -> None:
    (kept := tmp_path / "kept").mkdir()
    keep_answers(kept, taught, FEW["transfer"], 42)
    with pytest.raises(EdgeError, match=r"kept: expected answers with \(transfer, seed, states\) .*, found \(20, 42, False\); ask the"):
        one_step("distil", tmp_path / "out", replace(taught, teacher=kept), **FEW | wanted)


class Flow:
    """Recipes built in a store from the tiny teacher; ``built``: the kinds that were not there."""

    def __init__(self, taught: Source, folder: Path) -> None:
        self.store, self.built = Store(folder / "store"), list[str]()
        self._given = [self.store.get(Spec(kind, lambda work, paths=paths: _copied(work, paths), {})) for kind, paths in (
            ("merged", taught.model.iterdir()), ("data", (taught.train, taught.validation)))]
        self._profile = load_profile("reference")

    def __call__(self, *steps: tuple[str, dict]) -> Compressed:
        chosen = tuple(Step(name, technique(name).Settings(**settings)) for name, settings in steps)
        return compress(self._build, self._profile, ORIGINAL._replace(steps=chosen, runtime="torch"), *self._given)

    def _build(self, spec: Spec) -> Artifact:
        if spec.kind == "decision":
            return self._given[0]
        self.built += [] if self.store.holds(spec) else [spec.kind]
        return self.store.get(spec)


def _copied(work: Workspace, paths: object) -> None:
    for file in paths:
        (work.out / file.name).write_bytes(file.read_bytes())


def test_recipes_that_heal_ask_once(taught: Source, tmp_path: Path) -> None:
    """Whatever the student, and whatever it does with the answers; what asks some prompts alone asks the teacher itself."""
    flow = Flow(taught, tmp_path)
    for steps, built in (
        ([("depth", {"layers": 2, "samples": 4}), ("distil", FEW)], ["depth", "teacher-answers", "distil"]),
        ([("qat", {**FEW, "group": 16})], ["qat"]),
        ([("progressive", {"steps": 2, "hold": 1})], ["progressive"]),
    ):
        flow.built.clear()
        flow(*steps)
        assert flow.built == built


def test_what_is_asked_tells_answers_apart(taught: Source, pruned: Path, tmp_path: Path) -> None:
    """The depth of a student does only where hidden states are compared; how it is trained never does."""
    whole, half = (Artifact(name, "model", path, {}) for name, path in (("whole", taught.model), ("half", pruned)))

    def key(student: Artifact = whole, prompt: str = "", **settings: float) -> str:
        return Store(tmp_path).key(teacher_answers(Training(**settings), student, whole, whole, {"system": prompt}))

    assert key() == key(half) == key(half, epochs=1, hard=0.5, temperature=4)
    assert key(features=1) == key(features=0.1) and key(half, features=1) == key(half, features=0.1)
    assert len({key(), key(features=1), key(half, features=1), key(transfer=1), key(seed=1), key(prompt="x")}) == 6


def test_a_cancelled_asking_leaves_nothing(taught: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flow, save = Flow(taught, tmp_path), teacher.save_file

    def cancelled(*given: object) -> None:
        save(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(teacher, "save_file", cancelled)
    with pytest.raises(KeyboardInterrupt):
        flow(("distil", FEW))
    files = {file.name for file in (tmp_path / "store").rglob("*") if file.is_file()}
    assert {artifact.kind for artifact in flow.store.list()} == {"merged", "data"} and not files & {ANSWERS, "queries.json"}
    monkeypatch.undo()
    flow.built.clear()
    flow(("distil", FEW))
    assert flow.built == ["teacher-answers", "distil"]
