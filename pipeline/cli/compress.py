"""``edge compress``: apply a recipe of compression, predict what it will make, compare several."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.common import RESULTS, Subparsers, add_own, add_profile, add_store, profile_of
from pipeline.errors import EdgeError
from pipeline.profile import Profile

if TYPE_CHECKING:
    from pipeline.compress.chain import Compressed, Task
    from pipeline.compress.recipe import Recipe
    from pipeline.compress.sources import Build
    from pipeline.store import Artifact

ORIGINAL = "original"


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("compress", help="apply a recipe of compression, predict it, or compare several")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--recipe", help="a recipe's name or the path of its YAML file")
    what.add_argument("--compare", nargs="+", metavar="RECIPE", help=f"build and measure several; `{ORIGINAL}` is the merged model in fp32")
    what.add_argument("--list", action="store_true", help="the recipes that come with the project")
    parser.add_argument("--task", choices=("intent", "embedding", "rerank"), default="intent",
                        help="what the model is for: deciding intents, embedding texts, judging found ones [%(default)s]")
    parser.add_argument("--dry-run", action="store_true", help="build nothing: predict bytes, memory and seconds after each step")
    parser.add_argument("--reports", type=Path, default=RESULTS.parent, help="where --compare writes compression.* [%(default)s]")
    parser.add_argument("--rounds", type=int, default=200, help="decisions timed of each that is compared [%(default)s]")
    add_profile(parser)
    add_own(parser)
    add_store(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.list:
        return _list()
    if options.rounds < 1:
        raise EdgeError(f"--rounds: expected at least 1, found {options.rounds}; give more")
    profile, recipes = profile_of(options), _recipes(options.compare or [options.recipe])
    if options.dry_run:
        return _predict(profile, recipes)
    if not options.compare:
        return _apply(options, profile, recipes[0])
    return _compare(options, profile, recipes) if options.task == "intent" else _compare_retrievers(options, profile, recipes)


def _list() -> int:
    from pipeline.compress.recipe import RECIPES, RecipeFile, recipes
    from pipeline.yaml_file import read_model
    for name in recipes():
        print(f"{name:<24} {read_model(RECIPES / f'{name}.yaml', RecipeFile).says}")
    return 0


def _recipes(names: list[str]) -> list[Recipe]:
    """Each once, `original` as a recipe without steps; EdgeError where two are told by one name."""
    from pipeline.compress.recipe import ORIGINAL as original
    from pipeline.compress.recipe import load_recipe
    found = [original if name == ORIGINAL else load_recipe(name) for name in dict.fromkeys(names)]
    for recipe in found:
        if sum(other.name == recipe.name for other in found) > 1:
            raise EdgeError(f"expected recipes of different names, found {recipe.name} twice; rename one")
    return found


def _predict(profile: Profile, recipes: list[Recipe]) -> int:
    from pipeline.compress.predicted import predict
    from pipeline.report.recipe_steps import show_predicted
    for recipe, steps in [(recipe, predict(recipe, profile)) for recipe in recipes]:
        print(f"{recipe.name} on {profile.name}, predicted: nothing was built")
        show_predicted(steps, sys.stdout)
    return 0


def _apply(options: argparse.Namespace, profile: Profile, recipe: Recipe) -> int:
    from pipeline.compress.chain import compress
    from pipeline.report.recipe_steps import show_steps
    (original_of, task), build = _task(options.task), _builder(options)
    original, data = original_of(build, profile)
    show_steps(compress(build, profile, recipe, original, data, task), original, sys.stdout)
    return 0


def _compare_retrievers(options: argparse.Namespace, profile: Profile, recipes: list[Recipe]) -> int:
    from pipeline.compress.chain import compress
    from pipeline.measure.retrievers import compare
    from pipeline.report.retrievers import record, show, write
    (original_of, task), build = _task(options.task), _builder(options)
    original, data = original_of(build, profile)
    whole, = _recipes([ORIGINAL])
    compared = [compress(build, profile, recipe, original, data, task) for recipe in recipes]
    reference = compress(build, profile, whole, original, data, task) if "behaviour" in profile.tells else None
    measured = compare(options.task, compared, reference, data.path, profile.serve.threads, options.rounds)
    content = record(options.task, profile, compared, measured)
    show(content, sys.stdout)
    print(write(content, options.reports))
    return 0


def _task(name: str) -> tuple[Callable[[Build, Profile], tuple[Artifact, Artifact]], Task]:
    """What builds the uncompressed model of a task and its data, and the task as the chain takes it."""
    from pipeline.compress.chain import EMBEDDING, INTENT, RERANK
    from pipeline.retrieval_specs import build_original, given_reranker
    return {"intent": (_merged, INTENT), "embedding": (build_original, EMBEDDING), "rerank": (given_reranker, RERANK)}[name]


def _compare(options: argparse.Namespace, profile: Profile, recipes: list[Recipe]) -> int:
    from pipeline.data.records import read_records
    from pipeline.measure.comparison import Against, measure_all
    from pipeline.measure.subject import Subject
    from pipeline.report.compression import record, show, write
    build = _builder(options)
    merged, data = _merged(build, profile)

    def subject(made: Compressed) -> Subject:
        keys = {made.model.kind: made.model.key, "decision": made.decision.key}
        return Subject(made.recipe.name, made.model.path, made.decision.path, profile.serve.threads, keys)

    compared = [_compressed(build, profile, recipe, merged, data) for recipe in recipes]
    records = [one.to_json() for one in read_records(data.file("challenge.jsonl"))]
    against = None
    if "behaviour" in profile.tells:
        original, = _recipes([ORIGINAL])
        against = Against(subject(_compressed(build, profile, original, merged, data)), records)
    subjects = [subject(made) for made in compared]
    measured = measure_all(subjects, [one["query"] for one in records], against, options.rounds)
    content = record(profile, compared, measured, merged)
    show(content, sys.stdout)
    print(", ".join(map(str, write(content, options.reports))))
    return 0


def _builder(options: argparse.Namespace) -> Build:
    from pipeline.compress.sources import builder
    from pipeline.store.place import default_remote
    return builder(options.store, default_remote())


def _merged(build: Build, profile: Profile) -> tuple[Artifact, Artifact]:
    from pipeline.compress.sources import merged_and_data
    return merged_and_data(build, profile)


def _compressed(build: Build, profile: Profile, recipe: Recipe, merged: Artifact, data: Artifact) -> Compressed:
    from pipeline.compress.chain import compress
    return compress(build, profile, recipe, merged, data)
