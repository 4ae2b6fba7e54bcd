"""From a request to an order: what is asked for over HTTP as `edge compress` and `edge quantize` would be told it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from pipeline.errors import EdgeError
from pipeline.service.order import Order, profile_of, recipe_of
from pipeline.service.problems import Refusal
from pipeline.service.roots import allowed_model
from pipeline.service.schemas import Kind
from pipeline.service.settings import Settings
from pipeline.service.techniques import ByMethod, ByRecipe, Distill, Prune, Quantize, Wanted

GIVEN = "as asked over HTTP"


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


def _recipe(weights: list[Any], graph: list[Any], healing: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    steps = [{step.technique: step.settings.model_dump(mode="json")} for step in weights] + (healing or [])
    return {"name": GIVEN, "says": GIVEN, "steps": steps + [{step.technique: step.settings.model_dump(mode="json")} for step in graph]}


def _order(kind: Kind, asked: Wanted, recipe: str | dict[str, Any], settings: Settings, by: str) -> Order:
    """Checked as ``edge compress`` would check it: a mistake is told now, not by a job that fails."""
    model = allowed_model(asked.model, settings) if asked.model else ""
    order = Order(kind=kind, by=by, name=asked.name, profile=asked.profile, model=model, recipe=recipe, request=_shown(asked))
    try:
        profile = profile_of(order)
        recipe_of(order)
    except EdgeError as error:
        raise Refusal(409, str(error)) from None
    if profile.base.kind == "pretrained" and not (model or settings.hub):
        raise Refusal(409, f"expected a model with the profile {asked.profile}, whose own is a hub's, found none; name a directory below a "
                           "model root, or have the service started with EDGE_API_HUB=1")
    return order


def _shown(asked: BaseModel) -> dict[str, Any]:
    return asked.model_dump(mode="json", exclude_unset=True)
