"""A space of recipes: every point is a recipe, every recipe that it holds is a point, and its mistakes are one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.compress.recipe import load_recipe, recipes
from pipeline.errors import EdgeError
from pipeline.search.domain import Range, examples, holds
from pipeline.search.seeds import held
from pipeline.search.space import Space, checked_recipe, load_space, recipe_text, spaces
from tests.search.drawing import study

GOOD = {"name": "mine", "says": "x", "stages": {
    "layers": {"ways": {"all": [], "fewer": [{"depth": {"keep": [0.5, 0.8]}}]}},
    "healing": {"after": ["layers"], "ways": {"distil": [{"distil": {"epochs": [1.0, 2.0]}}]}},
    "bits": {"ways": {"int8": [{"int8": {}}], "int4": [{"int4": {"group": [32, 64]}}]}}}, "serving": {"mapped": [True, False]}}


def written(folder: Path, **changes: object) -> str:
    """GOOD as a file, with stages replaced."""
    stages = {**GOOD["stages"], **changes.pop("stages", {})}
    (file := folder / "space.yaml").write_text(yaml.safe_dump({**GOOD, "stages": stages, **changes}, sort_keys=False))
    return str(file)


@pytest.mark.parametrize("name", spaces())
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_every_point_is_a_recipe_and_comes_back(name: str, seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    space, trial = load_space(name), study(seed).ask()
    drawn = space.draw(trial)
    recipe = checked_recipe(recipe_text(drawn), tmp_path_factory.getbasetemp())
    assert [step.name for step in recipe.steps] == [name for step in drawn.steps for name in step]
    assert space.point(recipe) == pytest.approx(trial.params)


def test_the_documented_recipes_that_it_holds() -> None:
    assert {"int8", "int8-fast", "int4", "mixed", "gptq", "narrow", "deep", "edge-200mb"} <= set(held(load_space("compress")))


@pytest.mark.parametrize("name", sorted(set(recipes()) & {"fp8", "sparse", "int8-static"}))
def test_a_recipe_outside_says_where(name: str) -> None:
    with pytest.raises(EdgeError, match=f"recipe {name}: expected .* to be a way of bits, found none in the space compress"):
        load_space("compress").point(load_recipe(name))


def test_what_is_not_taken_is_not_drawn(tmp_path: Path) -> None:
    space, trials = load_space(written(tmp_path)), study(3)
    for _ in range(20):
        trial = trials.ask()
        names = {name for step in space.draw(trial).steps for name in step}
        assert ("distil" in names) == ("depth" in names) == ("healing.distil.distil.epochs" in trial.params)
        assert ("bits.int4.int4.group" in trial.params) == (trial.params["bits"] == "int4")


def test_a_whole_draw_has_every_parameter_and_the_same_recipe(tmp_path: Path) -> None:
    space, trials = load_space(written(tmp_path)), study(3)
    names = set()
    for _ in range(10):
        trial = trials.ask()
        drawn = space.draw(trial, whole=True)
        names.add(frozenset(trial.params))
        assert space.draw(trial) == drawn
    assert len(names) == 1 and len(*names) == 6


@pytest.mark.parametrize(("stages", "says"), [
    ({"bits": {"ways": {"a": [{"int9": {}}]}}}, "bits: a: int9: technique 'int9': expected one of"),
    ({"bits": {"ways": {"a": [{"int4": {"grup": 3}}]}}}, "bits: a: int4: grup: Extra inputs are not permitted, found '3'; mend the space"),
    ({"bits": {"ways": {"a": [{"int4": {"group": [32, 33.5]}}]}}}, "bits: a: int4: group: "),
    ({"bits": {"ways": {"a": [{"int4": {"group": []}}]}}}, "bits: a: int4: group: expected values to choose from, found none"),
    ({"bits": {"ways": {"a": [{"int4": {}, "int8": {}}]}}}, "bits: a: expected one technique a step, found int4, int8"),
    ({"layers": {"ways": {"a": [{"depth": {"keep": {"from": 0.5, "to": 1.5}}}]}}}, "layers: a: depth: keep: Input should be less than 1"),
    ({"layers": {"ways": {"a": [{"int8": {}}]}}}, "stages: expected steps on weights before those on the exported graph; change the order"),
], ids=["unknown technique", "unknown setting", "wrong value", "no value", "two at once", "range", "order"])
def test_a_mistake_is_one_line(tmp_path: Path, stages: dict, says: str) -> None:
    with pytest.raises(EdgeError) as caught:
        load_space(written(tmp_path, stages=stages))
    assert says in str(caught.value) and str(caught.value).startswith(f"{tmp_path}/space.yaml: ")


@pytest.mark.parametrize(("changes", "says"), [
    ({"serving": {"graph": ["fused", "round"]}}, "serving: graph: graph: Input should be 'fused' or 'portable', found 'round'"),
    ({"serving": {"grpah": ["fused"]}}, "serving: expected of graph, prefix, mapped, found grpah"),
    ({"stages": {"bits": {"after": ["later"], "ways": {"int8": [{"int8": {}}]}}}}, "bits: after: expected stages above it, found later"),
    ({"stages": {"layers": {"ways": {"a": [{"depth": {"keep": {"from": 0.5, "to": 0.5}}}]}}}}, "stages.layers"),
    ({"more": 1}, "unknown key more"),
])
def test_the_file_is_checked(tmp_path: Path, changes: dict, says: str) -> None:
    with pytest.raises(EdgeError, match=says.replace(".", r"\.")):
        load_space(written(tmp_path, **changes))


@pytest.mark.parametrize("name", ["nowhere", "../spaces/compress", "", "compress/../compress"])
def test_an_unknown_space(name: str) -> None:
    with pytest.raises(EdgeError, match=r"space '.*': expected one of compress.*, or the path of a \.yaml file"):
        load_space(name)


def test_the_original_is_no_point(tmp_path: Path) -> None:
    nothing = {"ways": {"all": []}}
    space = load_space(written(tmp_path, stages={"layers": nothing, "bits": nothing}))
    with pytest.raises(EdgeError, match="at least one step, found none: it is the original itself"):
        space.draw(study().ask())


@given(low=st.integers(-5, 5), steps=st.integers(1, 6), step=st.integers(1, 3), at=st.integers(-20, 40))
def test_a_range_holds_its_steps(low: int, steps: int, step: int, at: int) -> None:
    domain = Range(**{"from": low, "to": low + steps * step, "step": step})
    assert holds(domain, at) == (at in range(low, low + steps * step + 1, step))
    assert all(holds(domain, value) for value in examples(domain)) and not holds(domain, True)


def test_true_is_not_one() -> None:
    assert holds([True, False], True) and not holds([True, False], 1) and not holds([1], True)


def test_space_is_strict() -> None:
    with pytest.raises(ValueError, match="extra"):
        Space(name="x", says="x", stages={}, other=1)
