"""From a recipe to artifacts: each step an artifact of the store, so that a changed last step rebuilds that one alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipeline import retrieval_specs, specs
from pipeline.compress import DATA, GRAPH, ORIGIN, TEACHER, technique
from pipeline.compress.recipe import Recipe, Step
from pipeline.profile import Profile
from pipeline.store import Artifact, Spec

EXPORT = "export"


@dataclass(frozen=True)
class Compressed:
    """A recipe's result as it serves: the model, its decision, and the artifact of every step.

    skipped: steps that were left out, because they mend behaviour and the profile tells nothing about that.
    """

    recipe: Recipe
    model: Artifact
    decision: Artifact
    steps: dict[str, Artifact]
    skipped: tuple[str, ...] = ()

    @property
    def techniques(self) -> dict[str, Artifact]:
        """The steps without the export between them."""
        return {name: step for name, step in self.steps.items() if name != EXPORT}


class Task(NamedTuple):
    """What a model is for: how its weights are exported, what goes with it to decide, and what techniques are told of its prompt."""

    export: Callable[[Profile, Artifact, Recipe], Spec]
    decision: Callable[[Profile, Artifact, Artifact], Spec]
    prompt: Callable[[Profile], dict[str, Any]]


INTENT = Task(lambda profile, weights, recipe: specs.onnx_fp32(profile, weights, recipe.graph, recipe.prefix, recipe.mapped),
              specs.decision, lambda profile: profile.prompt.model_dump())
EMBEDDING = Task(lambda profile, weights, recipe: retrieval_specs.onnx(profile, weights, recipe.graph, recipe.mapped),
                 lambda profile, weights, data: retrieval_specs.rule(profile, weights),
                 lambda profile: retrieval_specs.prompt(profile.retrieval))
RERANK = Task(lambda profile, weights, recipe: retrieval_specs.reranker_onnx(profile, weights, recipe.graph, recipe.mapped),
              retrieval_specs.reranker_decision, lambda profile: retrieval_specs.reranker_prompt(profile.retrieval))


def compress(build: Callable[[Spec], Artifact], profile: Profile, recipe: Recipe, merged: Artifact, data: Artifact,
             task: Task = INTENT) -> Compressed:
    """Build every step of a recipe from the merged model; what is in the store already is taken from there."""
    weights, graph, skipped = merged, None, []
    steps: dict[str, Artifact] = {}
    for number, step in enumerate(recipe.steps, start=1):
        module = technique(step.name)
        if left_out(step, profile):
            skipped.append(step.name)
            continue
        if module.STAGE == GRAPH and graph is None:
            graph = steps[EXPORT] = build(task.export(profile, weights, recipe))
        made = build(_spec(build, step, graph or weights, weights, merged, data, task.prompt(profile)))
        weights, graph = (weights, made) if graph else (made, None)
        steps[f"{number} {step.name}"] = made
    if graph is None and recipe.runtime == "onnx":
        graph = steps[EXPORT] = build(task.export(profile, weights, recipe))
    return Compressed(recipe, graph or weights, build(task.decision(profile, weights, data)), steps, tuple(skipped))


def left_out(step: Step, profile: Profile) -> bool:
    """Whether a step mends behaviour, and the profile tells nothing about that."""
    return getattr(technique(step.name), "HEALS", False) and "behaviour" not in profile.tells


def learns(step: Step) -> bool:
    """Whether a step learns from its teacher's answers to all queries, which are an artifact of their own."""
    if TEACHER not in technique(step.name).NEEDS:
        return False
    from pipeline.compress.training import Training  # with torch, which such a technique has brought already
    return isinstance(step.settings, Training)


def _spec(build: Callable[[Spec], Artifact], step: Step, model: Artifact, weights: Artifact, merged: Artifact, data: Artifact,
          prompt: dict[str, Any]) -> Spec:
    module = technique(step.name)
    inputs = {"model": model}
    if TEACHER in module.NEEDS:
        inputs["teacher"] = build(specs.teacher_answers(step.settings, model, merged, data, prompt)) if learns(step) else merged
    if DATA in module.NEEDS:
        inputs["data"] = data
    if module.STAGE == GRAPH and {ORIGIN, DATA} & set(module.NEEDS):
        inputs["origin"] = weights
    return specs.compression(step.name, step.settings.model_dump(), inputs, prompt)
