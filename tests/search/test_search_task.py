"""A trial's way through the rungs, with values from a table in the place of models; and what a study begins with."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
import yaml

from pipeline.compress.recipe import Recipe
from pipeline.errors import EdgeError
from pipeline.profile import load_profile
from pipeline.search import outcome, task
from pipeline.search.evaluate import Evaluation, does_not_divide, too_large
from pipeline.search.halving import Rungs
from pipeline.search.seeds import SEED_OF, WARM, enqueue_recipes, start_warm
from pipeline.search.space import checked_recipe, load_space
from pipeline.search.study import claim_setting, open_study
from pipeline.search.task import RUNGS, Task
from pipeline.search.work import REFUSED, SAME_AS, Budget, run_trials
from tests.search.drawing import objectives

SPACE = {"name": "few", "says": "x", "stages": {
    "layers": {"ways": {"fewer": [{"depth": {"layers": [1, 2, 3, 4, 5, 6]}}]}},
    "healing": {"ways": {"distil": [{"distil": {"epochs": [4.0], "transfer": 3000}}], "none": []}},
    "bits": {"ways": {"int8": [{"int8": {}}]}}}}


class Table:
    """In the place of `evaluate`: the more layers the larger and the better; what was asked is kept."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, float, int]] = []

    def __call__(self, recipe: Recipe, bench: Any, objectives: list, queries: int) -> Evaluation:
        layers = recipe.steps[0].settings.layers
        epochs = recipe.steps[1].settings.epochs if recipe.steps[1].name == "distil" else 0.0
        self.asked.append((layers, epochs, queries))
        if layers == 6:
            raise EdgeError("expected fewer layers")
        loss = 0.06 if layers == 1 else 0.01 + (layers % 2) * 0.02
        return Evaluation({"compression.accuracy_loss": loss, "compression.size": layers / 20},
                          {"compression.accuracy_loss": loss - 0.05, "compression.size": layers / 20 - 0.5}, f"key{layers}{epochs}")


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    monkeypatch.setattr(task, "evaluate", made := Table())
    return made


def opened(folder: Path, name: str = "s", queries: int = 600) -> Task:
    (file := folder / "few.yaml").write_text(yaml.safe_dump(SPACE, sort_keys=False))
    study = open_study(name, f"sqlite:///{folder}/search.db", optuna.samplers.RandomSampler(seed=1), objectives())
    claim_setting(study, {"queries": queries})
    return Task(study, load_space(str(file)), SimpleNamespace(profile=load_profile("reference")), objectives(), [], Rungs(2, 4, queries))


def tried(it: Task, *points: dict[str, Any]) -> list[optuna.trial.FrozenTrial]:
    for point in points:
        it.study.enqueue_trial({"healing": "distil", **point})
        it.study.optimize(it.judge, n_trials=1, catch=(EdgeError,))
    return it.study.trials


def layers(number: int) -> dict[str, Any]:
    return {"layers.fewer.depth.layers": number}


def test_the_first_rung_is_cheap_and_the_better_part_goes_on(table: Table, tmp_path: Path) -> None:
    trials = tried(opened(tmp_path), layers(2), layers(4), layers(3), layers(5), layers(1))
    assert [len(trial.user_attrs[RUNGS]) for trial in trials] == [2, 1, 1, 1, 1]
    assert table.asked[:2] == [(2, 1.0, 150), (2, 4.0, 600)] and [asked[2] for asked in table.asked[2:]] == [150] * 4


def test_a_recipe_without_healing_is_judged_at_once(table: Table, tmp_path: Path) -> None:
    trial, = tried(opened(tmp_path), {**layers(3), "healing": "none"})
    assert table.asked == [(3, 0.0, 600)] and len(trial.user_attrs[RUNGS]) == 2


def test_a_point_is_judged_once(table: Table, tmp_path: Path) -> None:
    first, again = tried(opened(tmp_path), layers(2), layers(2))
    assert again.values == first.values and again.user_attrs[SAME_AS] == 0 and len(table.asked) == 2


def test_what_cannot_be_built_is_told_and_is_no_point(table: Table, tmp_path: Path) -> None:
    it = opened(tmp_path)
    it.study.enqueue_trial({**layers(6), "healing": "none"})
    run_trials(it.study, it.judge, Budget(trials=1))
    assert outcome.failures(it.study) == [("expected fewer layers", 1)] and outcome.points(it.study, 2) == []


def test_only_points_of_the_last_rung_can_be_on_a_front(table: Table, tmp_path: Path) -> None:
    it = opened(tmp_path)
    tried(it, layers(2), layers(4), {**layers(1), "healing": "none"}, layers(2))
    found = outcome.points(it.study, 2)
    assert [(point.trial, point.feasible, point.key) for point in found] == [(0, True, "key24.0"), (2, False, "key10.0")]
    assert outcome.begun(it.study) == 3 and yaml.safe_load(found[0].recipe)["steps"][0] == {"depth": {"layers": 2}}


def test_clearly_too_large_is_refused_before_it_is_built(table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    it = opened(tmp_path)
    small, = objectives("compression.size")
    monkeypatch.setitem(it.__dict__, "constraints", [type(small)(small.claim.model_copy(update={"target": 0.01}))])
    trial, = tried(it, layers(5))
    assert trial.user_attrs[REFUSED] and trial.state.name == "FAIL" and table.asked == []


def recipe(folder: Path, steps: str) -> Recipe:
    return checked_recipe(f"name: x\nsays: x\nsteps: {steps}\n", folder)


def test_arithmetic_refuses_only_what_is_clear(tmp_path: Path) -> None:
    reference, claims = load_profile("reference"), objectives("compression.size")
    assert too_large(recipe(tmp_path, "[fp16: {}]"), reference, claims) == ""  # half, where less than half is asked: not clear
    says = too_large(recipe(tmp_path, "[depth: {keep: 0.9}]"), reference, claims)
    assert says.startswith("compression.size: expected below 0.5 proportion, predicted 0.9")


def test_groups_that_do_not_divide_are_seen_before_they_are_built(tmp_path: Path) -> None:
    reference = load_profile("reference")
    heads = "heads: {keep: 0.5}"
    assert does_not_divide(recipe(tmp_path, "[int4: {group: 128}]"), reference) == ""
    assert does_not_divide(recipe(tmp_path, f"[{heads}, int4: {{group: 64}}]"), reference) == ""
    assert does_not_divide(recipe(tmp_path, f"[{heads}, int4: {{group: 128}}]"), reference) == (
        "int4: expected groups that divide 64 inputs, found 128")
    assert does_not_divide(recipe(tmp_path, "[svd: {budget: 0.6}, int4: {group: 32}]"), reference) == (
        "int4: expected groups that divide 38 inputs, found 32")
    assert does_not_divide(recipe(tmp_path, "[svd: {budget: 0.6}, int8: {}]"), reference) == ""


def test_seeds_are_the_first_trials_and_stand_once(tmp_path: Path) -> None:
    space = load_space("compress")
    study = open_study("seeds", f"sqlite:///{tmp_path}/search.db", None, objectives())
    for _ in range(2):
        enqueue_recipes(study, space, ["int8", "edge-200mb"])
    assert [trial.user_attrs[SEED_OF] for trial in study.trials] == ["int8", "edge-200mb"]
    drawn = []
    study.optimize(lambda trial: drawn.append(space.draw(trial)) or [1.0, 1.0], n_trials=2)
    assert drawn[0].steps == [{"int8": {}}] and not drawn[0].prefix and drawn[1].mapped
    with pytest.raises(EdgeError, match="recipe fp8: expected fp8 {} to be a way of bits, found none in the space compress"):
        enqueue_recipes(study, space, ["fp8"])


def test_a_like_study_is_taken_over_as_it_is(table: Table, tmp_path: Path) -> None:
    before = opened(tmp_path, "before")
    tried(before, layers(2), layers(3))
    after = opened(tmp_path, "after")
    assert start_warm(after.study, "before") == (2, 0) and start_warm(after.study, "before") == (0, 0)
    table.asked.clear()
    trials = tried(after, layers(2))
    assert trials[2].user_attrs[SAME_AS] == 0 and table.asked == [] and trials[0].user_attrs[WARM] == "before"
    assert list(trials[0].constraints.values()) == [-0.04, -0.4]  # what the samplers read
    assert [point.trial for point in outcome.points(after.study, 2)] == [0]


def test_of_another_study_the_front_is_tried_again(table: Table, tmp_path: Path) -> None:
    before = opened(tmp_path, "before")
    tried(before, layers(2), layers(4), layers(3))
    after = opened(tmp_path, "after", queries=900)
    assert start_warm(after.study, "before") == (0, 1)
    table.asked.clear()
    after.study.optimize(after.judge, n_trials=1)
    assert table.asked == [(2, 1.0, 225), (2, 4.0, 900)]


def test_a_warm_start_from_nothing(table: Table, tmp_path: Path) -> None:
    it = opened(tmp_path)
    with pytest.raises(EdgeError, match=r"--warm-start: expected a study of the same database \(it has none\), found 'nowhere'"):
        start_warm(it.study, "nowhere")
    opened(tmp_path, "empty")
    with pytest.raises(EdgeError, match="--warm-start: expected a study with finished trials, found none in empty; search there first"):
        start_warm(it.study, "empty")
