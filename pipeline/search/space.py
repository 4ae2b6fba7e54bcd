"""A declared space of recipes: a trial's point in it becomes the YAML of a recipe, and a recipe that it holds becomes a point."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.compress import GRAPH, WEIGHTS, settings_of
from pipeline.compress.recipe import Recipe, RecipeFile, Step, load_recipe, one_technique
from pipeline.errors import EdgeError
from pipeline.named import named_file, names_in
from pipeline.profile import PROFILES
from pipeline.search.domain import Domain, choose, examples, holds, searched
from pipeline.yaml_file import read_model

if TYPE_CHECKING:
    from optuna import Trial

SPACES = PROFILES / "spaces"
SERVING = ("graph", "prefix", "mapped")
Settings = dict[str, Domain]
Way = list[dict[str, Settings | None]]


class Stage(BaseModel):
    """Of ``ways``, by name a list of steps, one is taken.  after: only where one of these stages has taken a way with steps; else none."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    ways: dict[str, Way] = Field(min_length=1)
    after: list[str] = []


class Space(BaseModel):
    """The YAML: stages in the order of a recipe's steps, and how the result is served.

    A parameter is called STAGE (its way), STAGE.WAY.TECHNIQUE.SETTING, or as `RecipeFile` calls it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    says: str
    stages: dict[str, Stage] = Field(min_length=1)
    serving: Settings = {}

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        for name in self.serving:
            if name not in SERVING:
                raise ValueError(f"serving: expected of {', '.join(SERVING)}, found {name}")
        before: set[str] = set()
        for name, stage in self.stages.items():
            if unknown := sorted(set(stage.after) - before):
                raise ValueError(f"{name}: after: expected stages above it, found {', '.join(unknown)}")
            before.add(name)
        return self

    def draw(self, trial: Trial, whole: bool = False) -> RecipeFile:
        """The recipe at a trial's point; parameters of ways that are not taken are not drawn, unless ``whole``."""
        if whole:
            self._draw_all(trial)
        steps: list[dict[str, Any]] = []
        taken: set[str] = set()
        for name, stage in self.stages.items():
            if stage.after and not taken & set(stage.after):
                continue
            way = choose(trial, name, list(stage.ways)) if len(stage.ways) > 1 else next(iter(stage.ways))
            drawn = [{step: {setting: choose(trial, f"{name}.{way}.{step}.{setting}", domain) for setting, domain in settings.items()}}
                     for step, settings in _steps(stage.ways[way])]
            steps += drawn
            taken |= {name} if drawn else set()
        if not steps:
            raise EdgeError("expected a point with at least one step, found none: it is the original itself")
        served = {name: choose(trial, name, domain) for name, domain in self.serving.items()}
        says = f"trial {trial.number} of the study {trial.study.study_name}"
        return RecipeFile(name=f"trial-{trial.number}", says=says, steps=steps, **served)

    def _draw_all(self, trial: Trial) -> None:
        """Every parameter, for samplers that cross only what all trials have; what is not used is passed on unseen."""
        for name, stage in self.stages.items():
            if len(stage.ways) > 1:
                choose(trial, name, list(stage.ways))
            for way, steps in stage.ways.items():
                for step, settings in _steps(steps):
                    for setting, domain in settings.items():
                        choose(trial, f"{name}.{way}.{step}.{setting}", domain)

    def point(self, recipe: Recipe) -> dict[str, Any]:
        """The parameters that draw this recipe; EdgeError saying what of it the space does not hold."""
        left, found, taken = list(recipe.steps), {}, set()
        for name, stage in self.stages.items():
            if stage.after and not taken & set(stage.after):
                continue
            way = _way_of(stage, left)
            if way is None:
                raise EdgeError(f"recipe {recipe.name}: expected {_first(left)} to be a way of {name}, found none in the space {self.name}")
            steps = _steps(stage.ways[way])
            if len(stage.ways) > 1:
                found[name] = way
            for (step, settings), made in zip(steps, left, strict=False):
                given = made.settings.model_dump()
                found |= {f"{name}.{way}.{step}.{setting}": given[setting] for setting, domain in settings.items() if searched(domain)}
            taken |= {name} if steps else set()
            del left[:len(steps)]
        if left:
            raise EdgeError(f"recipe {recipe.name}: expected no step after those of the space {self.name}, found {_first(left)}")
        return {**found, **self._served(recipe)}

    def _served(self, recipe: Recipe) -> dict[str, Any]:
        default = {name: RecipeFile.model_fields[name].default for name in (*SERVING, "runtime")}
        for name, value in default.items():
            if not holds(self.serving.get(name, value), getattr(recipe, name)):
                raise EdgeError(f"recipe {recipe.name}: expected {name} as the space {self.name} has it, found {getattr(recipe, name)}")
        return {name: getattr(recipe, name) for name, domain in self.serving.items() if searched(domain)}


def load_space(name: str) -> Space:
    """A space by name (in ``profiles/spaces/``) or by the path of a YAML file; EdgeError for an unknown technique, setting or value."""
    path = named_file("space", name, SPACES)
    space = read_model(path, Space)
    try:
        _check_order([[_check_way(f"{name}: {way}", steps) for way, steps in stage.ways.items()] for name, stage in space.stages.items()])
        for name, domain in space.serving.items():
            for value in examples(domain):
                _checked(f"serving: {name}", lambda name=name, value=value: RecipeFile(name="", says="", steps=[{}], **{name: value}))
    except EdgeError as error:
        raise EdgeError(f"{path}: {error}") from None
    return space


def spaces() -> list[str]:
    """The names of the spaces that come with the project."""
    return names_in(SPACES)


def recipe_text(recipe: RecipeFile) -> str:
    """The YAML of a recipe, as ``profiles/recipes/`` holds them."""
    return yaml.safe_dump(recipe.model_dump(exclude_defaults=True), sort_keys=False, allow_unicode=True, width=130)


def checked_recipe(text: str, folder: Path) -> Recipe:
    """A recipe's YAML by way of a file and `load_recipe`, as if it had been written by hand; EdgeError without the file's name."""
    file = folder / "recipe.yaml"
    file.write_text(text, encoding="utf-8")
    try:
        return load_recipe(str(file))
    except EdgeError as error:
        raise EdgeError(str(error).removeprefix(f"{file}: ")) from None


def _steps(way: Way) -> list[tuple[str, Settings]]:
    return [(name, settings or {}) for step in way for name, settings in step.items()]


def _check_way(where: str, way: Way) -> list[str]:
    """The stage of each step; EdgeError for what no technique knows.  Each value is tried beside the first of every other setting."""
    steps = [(name, given or {}) for name, given in (one_technique(step, where) for step in way)]
    for name, settings in steps:
        first = {setting: examples(domain)[0] for setting, domain in settings.items() if examples(domain)}
        for setting, domain in settings.items():
            if not examples(domain):
                raise EdgeError(f"{where}: {name}: {setting}: expected values to choose from, found none")
            for value in examples(domain):
                _checked(f"{where}: {name}", lambda name=name, given={**first, setting: value}: settings_of(name).Settings(**given))
        _checked(f"{where}: {name}", lambda name=name, first=first: settings_of(name).Settings(**first))
    return [settings_of(name).STAGE for name, _ in steps]


def _check_order(stages: list[list[list[str]]]) -> None:
    """EdgeError where a choice could put a step on weights behind one on the exported graph."""
    for at, ways in enumerate(stages):
        below = [kind for later in stages[at + 1:] for way in later for kind in way]
        for way in ways:
            if GRAPH in way and WEIGHTS in way[way.index(GRAPH):] + below:
                raise EdgeError("stages: expected steps on weights before those on the exported graph; change the order")


def _checked(where: str, make: Callable[[], object]) -> None:
    try:
        make()
    except EdgeError as error:
        raise EdgeError(f"{where}: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise EdgeError(f"{where}: {place}: {first['msg']}, found {str(first.get('input'))[:40]!r}; mend the space") from None


def _way_of(stage: Stage, steps: list[Step]) -> str | None:
    """The way with the most steps that the recipe goes on with."""
    fitting = [name for name, way in stage.ways.items() if _goes(_steps(way), steps)]
    return max(fitting, key=lambda name: len(stage.ways[name]), default=None)


def _goes(way: list[tuple[str, Settings]], steps: list[Step]) -> bool:
    return len(way) <= len(steps) and all(_is(step, name, settings) for (name, settings), step in zip(way, steps, strict=False))


def _is(step: Step, name: str, settings: Settings) -> bool:
    """Whether a step of a recipe is this one with settings of its domains, and the defaults elsewhere."""
    if step.name != name:
        return False
    default = settings_of(name).Settings().model_dump() if not settings else settings_of(name).Settings(
        **{setting: examples(domain)[0] for setting, domain in settings.items()}).model_dump()
    given = step.settings.model_dump()
    return all(holds(settings[setting], given[setting]) if setting in settings else given[setting] == default[setting] for setting in given)


def _first(steps: list[Step]) -> str:
    return f"{steps[0].name} {steps[0].settings.model_dump(exclude_unset=True)}" if steps else "its end"
