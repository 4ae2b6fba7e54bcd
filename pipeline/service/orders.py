"""From a request to an order: all that a job needs to know, as JSON, validated once and for all."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from pipeline.compress.recipe import Recipe, load_recipe
from pipeline.errors import EdgeError
from pipeline.profile import Profile, load_profile
from pipeline.service.problems import Refusal
from pipeline.service.roots import allowed_model
from pipeline.service.schemas import Kind
from pipeline.service.settings import Settings
from pipeline.service.techniques import ByMethod, ByRecipe, Distill, Prune, Quantize, Wanted
from pipeline.yaml_file import validate

GIVEN = "as asked over HTTP"


class Order(BaseModel):
    """What is to be built, for whom.

    recipe: a recipe's name, or the content of a recipe file.  method: settings of `QuantizationConfig` in place of it.  request: as it
    was sent, to be shown.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    by: str
    name: str | None
    profile: str
    model: str
    recipe: str | dict[str, Any] | None = None
    method: dict[str, Any] | None = None
    request: dict[str, Any]


def quantize(asked: Quantize, settings: Settings, by: str) -> Order:
    if isinstance(asked, ByMethod):
        model = allowed_model(asked.model, settings, hub=False)
        return Order(kind="quantize", by=by, name=asked.name, profile=asked.profile, model=model, request=_shown(asked),
                     method=asked.model_dump(exclude={"name", "model"}))
    recipe = asked.recipe if isinstance(asked, ByRecipe) else _recipe(asked.weights, asked.graph)
    return _order("quantize", asked, recipe, settings, by)


def prune(asked: Prune, settings: Settings, by: str) -> Order:
    heal = [{"distil": asked.heal.model_dump()}] if asked.heal else []
    return _order("prune", asked, _recipe(asked.steps, asked.graph, heal), settings, by)


def distill(asked: Distill, settings: Settings, by: str) -> Order:
    return _order("distill", asked, _recipe(asked.student, asked.graph, [{"distil": asked.settings.model_dump()}]), settings, by)


def profile_of(order: Order) -> Profile:
    """The order's profile; a model takes the place of its base."""
    return load_profile(order.profile, "" if order.method else order.model)


def recipe_of(order: Order) -> Recipe:
    """The order's recipe, read as any other recipe file is."""
    if isinstance(order.recipe, str):
        return load_recipe(order.recipe)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "recipe.yaml"
        file.write_text(yaml.safe_dump(order.recipe, allow_unicode=True, sort_keys=False), encoding="utf-8")
        try:
            return load_recipe(str(file))
        except EdgeError as error:
            raise EdgeError(str(error).removeprefix(f"{file}: ")) from None


def read_order(content: dict[str, Any]) -> Order:
    """An order as it stands in the database."""
    return validate(content, Order, "order")


def _recipe(weights: list[Any], graph: list[Any], healing: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    steps = [{step.technique: step.settings.model_dump(mode="json")} for step in weights] + (healing or [])
    return {"name": GIVEN, "says": GIVEN, "steps": steps + [{step.technique: step.settings.model_dump(mode="json")} for step in graph]}


def _order(kind: Kind, asked: Wanted, recipe: str | dict[str, Any], settings: Settings, by: str) -> Order:
    """Checked as ``edge compress`` would check it: a mistake is told now, not by a job that fails."""
    model = allowed_model(asked.model, settings) if asked.model else ""
    order = Order(kind=kind, by=by, name=asked.name, profile=asked.profile, model=model, recipe=recipe, request=_shown(asked))
    try:
        profile_of(order)
        recipe_of(order)
    except EdgeError as error:
        raise Refusal(409, str(error)) from None
    return order


def _shown(asked: BaseModel) -> dict[str, Any]:
    return asked.model_dump(mode="json", exclude_unset=True)
