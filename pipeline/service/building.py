"""An order done: its artifacts built in the store, one after the other, each told of before it is begun."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline import specs
from pipeline.compress import GRAPH, technique
from pipeline.compress.chain import EXPORT, compress, learns, left_out
from pipeline.compress.recipe import Recipe
from pipeline.compress.sources import merged_and_data
from pipeline.profile import Profile
from pipeline.service.order import Order, profile_of, recipe_of
from pipeline.store import Artifact, Spec, Store, Workspace

Tell = Callable[[str, float], None]
"""Told the step that begins and what share is done, 0 to 1."""
FLOW = ("data", "base", "adapter", "merged")


@dataclass(frozen=True)
class Built:
    """What came of an order.  steps: every artifact that it took, in order.  fresh: whether any of them had to be built."""

    model: Artifact
    decision: Artifact | None
    steps: list[Artifact]
    fresh: bool

    def key_of(self, kind: str) -> str:
        return next((step.key for step in self.steps if step.kind == kind), "")

    def to_json(self) -> list[dict[str, Any]]:
        return [{"step": step.kind.removeprefix("onnx-"), "kind": step.kind, "key": step.key, "bytes": step.size} for step in self.steps]


class Builder:
    """Builds specs in a store, and tells of each before it is begun."""

    def __init__(self, store: Store, total: int, tell: Tell) -> None:
        self._store, self._total, self._tell = store, total, tell
        self.steps: list[Artifact] = []
        self.fresh = False

    def __call__(self, spec: Spec) -> Artifact:
        self._tell(spec.kind, min(len(self.steps) / self._total, 1.0))

        def build(work: Workspace) -> None:
            self.fresh = True
            spec.build(work)

        self.steps.append(made := self._store.get(replace(spec, build=build)))
        return made

    def built(self, model: Artifact, decision: Artifact | None = None) -> Built:
        return Built(model, decision, self.steps, self.fresh)


def build(order: Order, store: Store, tell: Tell) -> Built:
    """The order's artifacts; EdgeError for what cannot be done."""
    return _by_method(order, store, tell) if order.method else _by_recipe(order, store, tell)


def _by_recipe(order: Order, store: Store, tell: Tell) -> Built:
    profile, recipe = profile_of(order), recipe_of(order)
    builder = Builder(store, steps_of(profile, recipe), tell)
    made = compress(builder, profile, recipe, *merged_and_data(builder, profile))
    return builder.built(made.model, made.decision)


def steps_of(profile: Profile, recipe: Recipe) -> int:
    """How many artifacts a recipe takes from the data on: the flow to the merged model, steps and what they learn, export, decision."""
    done = [step for step in recipe.steps if not left_out(step, profile)]
    exported = recipe.runtime == "onnx" or any(technique(step.name).STAGE == GRAPH for step in done)
    return len(FLOW) + len(done) + sum(map(learns, done)) + len([EXPORT] * exported) + 1


def _by_method(order: Order, store: Store, tell: Tell) -> Built:
    from pipeline.quantize import artifact
    from pipeline.quantize.config import BACKENDS, CALIBRATED, QuantizationConfig

    asked = dict(order.method or {})
    backend = next(name for name, methods in BACKENDS.items() if asked["method"] in methods)
    calibrated = asked["method"] in CALIBRATED
    builder = Builder(store, 1 + calibrated, tell)
    texts = str(builder(specs.data(profile_of(order))).file("train.jsonl")) if calibrated else None
    config = QuantizationConfig(input=Path(order.model), backend=backend, calibration_data=texts, **asked)
    source = artifact.model_directory(config.input, store)
    return builder.built(builder(artifact.quantised(artifact.prepared(config, source, store), source)))
