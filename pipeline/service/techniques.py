"""What a request may ask for: each technique with its own `Settings`, so that the schema says every setting and its bounds."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, create_model

from pipeline.compress import GRAPH, PRUNING, WEIGHTS, settings_of, technique_names
from pipeline.compress.recipe import recipes
from pipeline.compress.settings.distil import Settings as Distillation
from pipeline.profile import PROFILES
from pipeline.quantize.config import METHODS

PROFILE_NAMES = sorted(path.stem for path in PROFILES.glob("*.yaml"))
MOST = 8  # steps of one stage


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _step(name: str) -> type[BaseModel]:
    """``{"technique": name, "settings": {…}}``; settings have a name of their own in the schema."""
    title = "".join(part.capitalize() for part in name.split("_"))
    settings = create_model(f"{title}Settings", __base__=settings_of(name).Settings)
    given = (settings, Field(default_factory=settings))
    return create_model(f"{title}Step", __base__=Asked, technique=(Literal[name], ...), settings=given)


def _any(names: Iterable[str]) -> Any:
    return Annotated[reduce(or_, (STEPS[name] for name in names)), Field(discriminator="technique")]


STEPS = {name: _step(name) for name in technique_names()}
AnyWeights = _any(name for name in STEPS if settings_of(name).STAGE == WEIGHTS)
AnyGraph = _any(name for name in STEPS if settings_of(name).STAGE == GRAPH)
AnyPruning = _any(name for name in STEPS if settings_of(name).FAMILY == PRUNING)
Int8 = STEPS["int8"](technique="int8")


class Wanted(Asked):
    """What every job may say.

    name: registers the result under it.  profile: whose data, prompt and base.  model: a directory below one of the service's model
    roots in place of the base of a profile that takes one, or a hub's id where the service allows that.
    """

    name: Annotated[str | None, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")] = None
    profile: Literal[tuple(PROFILE_NAMES)] = "reference"  # type: ignore[valid-type]
    model: Annotated[str | None, Field(min_length=1, max_length=1024)] = None


class ByRecipe(Wanted):
    """A recipe that comes with the project."""

    recipe: Literal[tuple(recipes())]  # type: ignore[valid-type]


class BySteps(Wanted):
    """Steps on the weights, then steps on the exported graph."""

    weights: Annotated[list[AnyWeights], Field(max_length=MOST)] = []
    graph: Annotated[list[AnyGraph], Field(min_length=1, max_length=MOST)]


class ByMethod(Asked):
    """Weights alone in fewer bits, as ``edge quantize``: a model directory below one of the roots becomes a compressed-tensors one.

    group_size, symmetric: of the int4 methods.  samples, sequence_length: of the methods that look at texts; these are the training
    queries of ``profile``, in its prompt.
    """

    method: Literal[METHODS]  # type: ignore[valid-type]
    model: Annotated[str, Field(min_length=1, max_length=1024)]
    name: Annotated[str | None, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")] = None
    profile: Literal[tuple(PROFILE_NAMES)] = "reference"  # type: ignore[valid-type]
    group_size: Annotated[int, Field(gt=0, le=4096)] = 64
    symmetric: bool = False
    samples: Annotated[int, Field(gt=0, le=10_000)] = 64
    sequence_length: Annotated[int, Field(gt=0, le=32_768)] = 512


def _which(asked: Any) -> str:
    """By the key that it has, so that a mistake is told of what was meant and not of all three."""
    keys = asked if isinstance(asked, dict) else asked.model_fields_set if isinstance(asked, BaseModel) else ()
    return next((key for key in ("recipe", "method") if key in keys), "steps")


Quantize = Annotated[Annotated[ByRecipe, Tag("recipe")] | Annotated[BySteps, Tag("steps")] | Annotated[ByMethod, Tag("method")],
                     Discriminator(_which)]


class Prune(Wanted):
    """Pruning steps; heal: distillation afterwards, by its settings; graph: what is done to the export."""

    steps: Annotated[list[AnyPruning], Field(min_length=1, max_length=MOST)]
    heal: Distillation | None = None
    graph: Annotated[list[AnyGraph], Field(max_length=MOST)] = [Int8]


class Distill(Wanted):
    """A smaller student, made by pruning, learns to answer as the whole model does."""

    student: Annotated[list[AnyPruning], Field(max_length=MOST)] = []
    settings: Annotated[Distillation, Field(default_factory=Distillation)]
    graph: Annotated[list[AnyGraph], Field(max_length=MOST)] = [Int8]


QUANTIZE = {
    "recipe": {"summary": "A recipe of the project", "value": {"recipe": "int8", "name": "intent-int8"}},
    "steps": {"summary": "Steps of one's own", "value": {"graph": [{"technique": "int4", "settings": {"group": 64}}]}},
    "method": {"summary": "A directory below a model root", "value": {"method": "int4-rtn", "model": "Qwen3-0.6B", "group_size": 64}},
}
PRUNE = {
    "healed": {"summary": "Three tenths of the layers, healed", "value": {
        "steps": [{"technique": "depth", "settings": {"keep": 0.3}}], "heal": {"epochs": 2}, "name": "intent-thin"}},
    "sparse": {"summary": "Two of every four weights", "value": {"steps": [{"technique": "wanda", "settings": {"pattern": "2:4"}}]}},
}
DISTILL = {
    "student": {"summary": "Half of the MLP, taught", "value": {
        "student": [{"technique": "channels", "settings": {"keep": 0.5}}], "settings": {"epochs": 2, "temperature": 2}}},
}
