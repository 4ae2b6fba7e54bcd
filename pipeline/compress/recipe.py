"""A recipe: compression steps in order, in one YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.compress import GRAPH, WEIGHTS, settings_of
from pipeline.compress.settings import Settings
from pipeline.errors import EdgeError
from pipeline.named import named_file, names_in
from pipeline.profile import PROFILES
from pipeline.yaml_file import read_model

RECIPES = PROFILES / "recipes"
T = TypeVar("T")


class Step(NamedTuple):
    """A technique with its settings."""

    name: str
    settings: Settings


class RecipeFile(BaseModel):
    """The YAML as it stands: each step is one technique's name and its settings.

    graph: fused, in ONNX Runtime's own operators, or portable.  prefix: the fixed start of the prompt is read once, when the model
    is exported.  mapped: weights are used where the file is mapped, not from a copy laid out for the processor, so that a process
    starts sooner and shares them with others; for int8, whose products take half as long again.  runtime: what serves the result.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    says: str
    steps: list[dict[str, dict[str, Any] | None]] = Field(min_length=1)
    graph: Literal["fused", "portable"] = "fused"
    prefix: bool = True
    mapped: bool = False
    runtime: Literal["onnx", "torch"] = "onnx"


class Recipe(NamedTuple):
    """A recipe whose steps are known techniques, those on weights before those on the exported graph."""

    name: str
    says: str
    steps: tuple[Step, ...]
    graph: str
    prefix: bool
    mapped: bool
    runtime: str


ORIGINAL = Recipe("original", "the merged model, exported in fp32", (), graph="portable", prefix=False, mapped=False, runtime="onnx")
"""What recipes are held against: no step at all."""


def load_recipe(name: str) -> Recipe:
    """A recipe by name (in ``profiles/recipes/``) or by the path of a YAML file; EdgeError for an unknown or malformed one."""
    path = named_file("recipe", name, RECIPES)
    read = read_model(path, RecipeFile)
    try:
        steps = tuple(_step(step) for step in read.steps)
        _check_order(steps, read.runtime)
    except EdgeError as error:
        raise EdgeError(f"{path}: {error}") from None
    return Recipe(read.name, read.says, steps, read.graph, read.prefix, read.mapped, read.runtime)


def recipes() -> list[str]:
    """The names of the recipes that come with the project."""
    return names_in(RECIPES)


def one_technique(step: Mapping[str, T], where: str) -> tuple[str, T]:
    """The technique that a step names, and its settings; EdgeError for none or several."""
    if len(step) != 1:
        raise EdgeError(f"{where}: expected one technique a step, found {', '.join(step) or 'none'}; write each on a line of its own")
    return next(iter(step.items()))


def _step(step: dict[str, dict[str, Any] | None]) -> Step:
    name, given = one_technique(step, "steps")
    try:
        return Step(name, settings_of(name).Settings(**(given or {})))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "settings"
        raise EdgeError(f"steps: {name}: {where}: {first['msg']}; mend the setting") from None


def _check_order(steps: tuple[Step, ...], runtime: str) -> None:
    stages = [settings_of(step.name).STAGE for step in steps]
    if stages != sorted(stages, key=[WEIGHTS, GRAPH].index):
        raise EdgeError(f"steps: expected those on weights before those on the exported graph, found "
                        f"{' → '.join(step.name for step in steps)}; change their order")
    if runtime == "torch" and GRAPH in stages:
        raise EdgeError("runtime: expected onnx with a step on the exported graph, found torch; leave it out")
