"""An order: all that a job needs to know, as JSON that has been validated once."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from pipeline.compress.recipe import Recipe, load_recipe
from pipeline.errors import EdgeError
from pipeline.profile import Profile, load_profile
from pipeline.service.schemas import Kind
from pipeline.yaml_file import validate


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
