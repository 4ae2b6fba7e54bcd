"""A recipe built in the store and measured: its value by every objective, and by how much it misses each claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.compress.chain import Compressed, compress
from pipeline.compress.factorise import shapes
from pipeline.compress.predicted import INTERPRETER, MB, predict
from pipeline.compress.recipe import ORIGINAL, Recipe
from pipeline.compress.sources import Build
from pipeline.data.records import read_records
from pipeline.measure.subject import Subject
from pipeline.profile import Profile
from pipeline.search.meters import METERS, Original, Trialled
from pipeline.search.objectives import Objective
from pipeline.search.tuning import FILE, tuning
from pipeline.store import Artifact

CLEARLY = 1.25
"""How far a prediction has to lie above a target to refuse a point: it does not know how much of a vocabulary is needed."""


class Evaluation(NamedTuple):
    """values, missed: by objective, the second above 0 where its claim is missed.  key: of the model in the store."""

    values: dict[str, float]
    missed: dict[str, float]
    key: str


@dataclass(frozen=True)
class Bench:
    """What recipes are built from and held against: one profile's merged model and data in a store."""

    build: Build
    profile: Profile
    merged: Artifact
    data: Artifact
    original: Original


def open_bench(build: Build, profile: Profile, merged: Artifact, data: Artifact, queries: int) -> Bench:
    """A bench with ``queries`` tuning queries, or as many as the user's own validation data has."""
    records = [one.to_json() for one in read_records(build(tuning(profile, data, queries)).file(FILE))]
    original = compress(build, profile, ORIGINAL, merged, data)
    return Bench(build, profile, merged, data, Original(subject_of(original, profile), records))


def subject_of(made: Compressed, profile: Profile) -> Subject:
    """A compressed model as it serves."""
    keys = {made.model.kind: made.model.key, "decision": made.decision.key}
    return Subject(made.recipe.name, made.model.path, made.decision.path, profile.serve.threads, keys)


def evaluate(recipe: Recipe, bench: Bench, objectives: Sequence[Objective], queries: int | None = None) -> Evaluation:
    """Build a recipe, as far as the store does not have it, and measure it on the first ``queries`` tuning queries.

    With all of them a claim is missed by the bound that gates it, with fewer by its value: so few would show nothing.
    EdgeError for what a technique cannot do with this model.
    """
    made = compress(bench.build, bench.profile, recipe, bench.merged, bench.data)
    trialled = Trialled(bench.original, subject_of(made, bench.profile), queries or len(bench.original.records))
    bound = trialled.queries >= len(bench.original.records)
    found = {one.name: one.judged(METERS[one.claim.metric](trialled), bound) for one in objectives}
    return Evaluation({name: value for name, (value, _) in found.items()}, {name: missed for name, (_, missed) in found.items()},
                      made.model.key)


def refusal(recipe: Recipe, profile: Profile, objectives: Sequence[Objective]) -> str:
    """Why a recipe need not be built, by arithmetic alone, or ""."""
    return too_large(recipe, profile, objectives) or does_not_divide(recipe, profile)


def does_not_divide(recipe: Recipe, profile: Profile) -> str:
    """Which step's groups do not divide an input width of the matrices that the steps before it leave, or "".

    A rank that follows from an energy no arithmetic knows, so that the step itself may still refuse it.
    """
    done, ranks = predict(recipe, profile), set[int]()
    for before, after in zip(done, done[1:], strict=False):
        group, plan = after.settings.get("group"), before.plan
        for width in (plan.hidden, plan.ffn, plan.heads * plan.head_dim, *sorted(ranks)):
            if isinstance(group, int) and width % group:
                return f"{after.name}: expected groups that divide {width} inputs, found {group}"
        if isinstance(budget := after.settings.get("budget"), float) and not after.settings.get("energy"):
            ranks |= {rank for one, (outputs, inputs) in shapes(plan).items() if one in after.settings["modules"]
                      if 1 <= (rank := int(budget * outputs * inputs / (outputs + inputs))) < min(outputs, inputs)}
    return ""


def too_large(recipe: Recipe, profile: Profile, objectives: Sequence[Objective]) -> str:
    """Which claim about bytes or memory a recipe clearly misses by arithmetic alone, or ""; nothing is built."""
    first, *_, last = predict(recipe, profile)
    megabytes = last.plan.bytes / MB
    predicted = {"size": megabytes, "size_share": last.plan.bytes / first.plan.bytes, "peak_rss": INTERPRETER + megabytes}
    for objective in objectives:
        value = predicted.get(objective.claim.metric)
        if value is not None and value > CLEARLY * objective.target:
            return f"{objective.name}: expected below {objective.target:g} {objective.unit}, predicted {value:.3g}"
    return ""
