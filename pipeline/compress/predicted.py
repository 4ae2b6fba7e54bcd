"""What a recipe will make of a profile's model, before anything is built: by arithmetic alone."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pipeline.compress import technique
from pipeline.compress.chain import left_out
from pipeline.compress.plan import Plan, from_config, plan_of
from pipeline.compress.recipe import Recipe
from pipeline.errors import EdgeError
from pipeline.profile import Base, Profile

MB = 1_000_000
INTERPRETER, RUNNING = 52, 25
"""MB of a serving process beside its weights: the bare worker, measured, and what a run of the model needs."""


class Predicted(NamedTuple):
    """A model after one step.  name: the technique, or ``original``.  seconds: of this step."""

    name: str
    settings: dict[str, object]
    plan: Plan
    seconds: float

    @property
    def memory(self) -> float:
        """MB of the process that serves it."""
        return INTERPRETER + self.plan.bytes / MB + RUNNING


def predict(recipe: Recipe, profile: Profile) -> list[Predicted]:
    """The original, and the model after each step that the profile does not leave out."""
    plan = plan_for(profile.base)
    found = [Predicted("original", {}, plan, 0.0)]
    for step in recipe.steps:
        if not left_out(step, profile):
            after = technique(step.name).predict(plan, step.settings)
            found.append(Predicted(step.name, step.settings.model_dump(), after, after.seconds - plan.seconds))
            plan = after
    return found


def plan_for(base: Base) -> Plan:
    """The measures of a profile's base; EdgeError for a pretrained one that is not here to be looked at."""
    if base.kind == "reference":
        return _reference()
    if base.kind == "qwen3-shape":
        from pipeline.base.shape import shape_config
        return from_config(shape_config().to_dict())
    directory = Path(base.model)
    if not directory.is_dir():
        raise EdgeError(f"{base.model}: expected a local directory to predict from, found none; give --model DIRECTORY, "
                        "or --profile qwen3-0.6b-shape, which has the same measures")
    try:
        return plan_of(directory)
    except KeyError as missing:
        raise EdgeError(f"{directory / 'config.json'}: expected a Qwen3's configuration, found none of {missing}; give a Qwen3") from None


def _reference() -> Plan:
    """Its tokenizer, which is trained first, fills the vocabulary."""
    from pipeline.base.reference import Reference
    its = Reference()
    return Plan(its.vocab_size, its.hidden, its.layers, its.ffn, its.heads, its.kv_heads, head_dim=its.hidden // its.heads, tied=True)
