"""``edge search``: look for the best recipes in a declared space."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.cli.common import RESULTS, Subparsers, add_own, add_profile, add_store
from pipeline.errors import EdgeError

if TYPE_CHECKING:
    from pipeline.search.plan import SearchPlan
    from pipeline.search.work import Budget

ALL = "all"


def add(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser("search", help="look for the best recipes of compression in a declared space")
    parser.add_argument("--budget", help="how long: 90s, 10m or 1h; the trial that runs then is finished")
    parser.add_argument("--trials", type=int, help="until the study has so many trials in all")
    parser.add_argument("--study", help="its name; the same command goes on with it [PROFILE-SPACE]")
    parser.add_argument("--study-url", help="the database of studies, sqlite:///FILE or postgresql+psycopg://… [search.db by the store]")
    parser.add_argument("--space", default="compress", help="a space's name or the path of its YAML file [%(default)s]")
    parser.add_argument("--objectives", nargs="+", default=[], metavar="CLAIM", help="claims of thresholds.yaml to optimise [by profile]")
    parser.add_argument("--constraints", nargs="+", default=[], metavar="CLAIM", help="claims that shall hold beside those")
    parser.add_argument("--sampler", default="nsga2", help="what draws the points [%(default)s]")
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="settings of the sampler, such as population=20")
    parser.add_argument("--seed", type=int, default=42, help="[%(default)s]")
    parser.add_argument("--queries", type=int, default=600, help="tuning queries that judge a recipe [%(default)s]")
    parser.add_argument("--rungs", type=int, default=2, help="of the halving; 1: every point at full cost [%(default)s]")
    parser.add_argument("--reduction", type=int, default=4, help="how much cheaper a rung is than the next [%(default)s]")
    parser.add_argument("--seed-recipes", nargs="*", metavar="RECIPE", help="begin with these; without names, all that the space holds")
    parser.add_argument("--warm-start", metavar="STUDY", help="begin with the trials of an earlier study of the same database")
    parser.add_argument("--workers", type=int, default=1, help="processes that share the study [%(default)s]")
    parser.add_argument("--engine", default="local", help="where they run: local or ray [%(default)s]")
    parser.add_argument("--ray-address", default="", help="a cluster of Ray, HOST:PORT [$RAY_ADDRESS, or a Ray of this machine]")
    parser.add_argument("--store-url", default="", help="the store that several machines share [$EDGE_STORE_URL]")
    parser.add_argument("--confirm", nargs="*", metavar="RECIPE", help="judge the recommended recipe on the challenge set, beside these "
                                                                       "[all that the space holds]; without a budget nothing is searched")
    parser.add_argument("--rounds", type=int, default=200, help="decisions that --confirm times of each [%(default)s]")
    parser.add_argument("--thresholds", type=Path, default=Path("thresholds.yaml"), help="[%(default)s]")
    parser.add_argument("--reports", type=Path, default=RESULTS.parent / "search", help="where the front is written [%(default)s]")
    add_profile(parser)
    add_own(parser)
    add_store(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    plan, until = _plan(options), _budget(options)
    if until is not None:
        _begin(plan, options)
        try:
            _search(plan, until, options)
        except KeyboardInterrupt:
            print("edge: interrupted; the same command goes on with the study", file=sys.stderr)
            _report(plan, options.reports)
            return 130
    _report(plan, options.reports)
    if options.confirm is not None:
        from pipeline.search.confirm import confirm
        return 0 if confirm(plan, options.confirm, options.reports, options.rounds).holds else 1
    return 0


def _budget(options: argparse.Namespace) -> Budget | None:
    from pipeline.search.work import Budget
    if options.budget is None and options.trials is None:
        if options.confirm is None:
            raise EdgeError("expected --budget TIME or --trials NUMBER, found neither; give one, such as --budget 10m")
        return None
    if options.trials is not None and options.trials < 1:
        raise EdgeError(f"--trials: expected at least 1, found {options.trials}")
    return Budget(options.trials, Budget.of(options.budget).seconds if options.budget else None)


def _plan(options: argparse.Namespace) -> SearchPlan:
    from pipeline.search.plan import SearchPlan
    from pipeline.search.storage import default_url
    from pipeline.store.place import default_remote
    study = options.study or f"{Path(options.profile).stem}-{Path(options.space).stem}"
    if not re.fullmatch(r"\w[\w.-]{0,99}", study):
        raise EdgeError(f"--study: expected letters, digits, _ . and -, found {study!r:.60}")
    return SearchPlan(
        study=study,
        study_url=options.study_url or default_url(options.store), store=str(options.store.resolve()),
        store_url=options.store_url or default_remote(), profile=options.profile, model=options.model, train_data=options.train_data,
        eval_data=options.eval_data, columns=options.columns, space=options.space, objectives=tuple(options.objectives),
        constraints=tuple(options.constraints), sampler=options.sampler, settings=_settings(options.set), seed=options.seed,
        queries=options.queries, rungs=options.rungs, reduction=options.reduction, thresholds=str(options.thresholds))


def _settings(given: list[str]) -> dict[str, Any]:
    """NAME=VALUE, the values as numbers where they are."""
    import yaml
    found = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not (name and equals and value):
            raise EdgeError(f"--set: expected NAME=VALUE, found {one!r}; write population=20")
        found[name] = yaml.safe_load(value)
    return found


def _begin(plan: SearchPlan, options: argparse.Namespace) -> None:
    """Open the study, when all that can be mistaken has been looked at, and put into it what it begins with, once."""
    from pipeline.progress import note
    from pipeline.search.engines import engine
    from pipeline.search.halving import Rungs
    from pipeline.search.samplers import make_sampler
    from pipeline.search.seeds import enqueue_recipes, held, start_warm
    from pipeline.search.space import load_space
    from pipeline.search.task import claims, open_study_of
    engine(options.engine)
    Rungs(plan.rungs, plan.reduction, plan.queries)
    space, objectives = load_space(plan.space), claims(plan, plan.opened_profile())[0]
    make_sampler(plan.sampler, plan.seed, objectives, plan.settings)
    study = open_study_of(plan)
    if options.seed_recipes is not None:
        enqueue_recipes(study, space, options.seed_recipes or held(space))
    if options.warm_start:
        taken, again = start_warm(study, options.warm_start)
        note(f"{taken} trials taken over from {options.warm_start}, {again} of its front tried again")


def _search(plan: SearchPlan, until: Budget, options: argparse.Namespace) -> None:
    from pipeline.search.worker import WorkerCommand, work
    if options.workers == 1 and options.engine == "local":
        work(plan, 0, until)
        return
    from pipeline.search.engines import engine
    where = {"address": options.ray_address} if options.engine == "ray" else {}
    engine(options.engine).run(WorkerCommand(plan), options.workers, until, **where)


def _report(plan: SearchPlan, reports: Path) -> None:
    """Print the front and write its files."""
    from pipeline.search import outcome
    from pipeline.search.report import found, show, write_found
    from pipeline.search.task import claims, open_study_of
    study, profile = open_study_of(plan), plan.opened_profile()
    content = found(plan.study, profile.name, claims(plan, profile)[0], outcome.points(study, plan.rungs), outcome.begun(study),
                    outcome.seconds(study))
    show(content, sys.stdout)
    for reason, times in outcome.failures(study)[:5]:
        print(f"{times} failed: {reason}")
    print(", ".join(map(str, write_found(content, reports))))
