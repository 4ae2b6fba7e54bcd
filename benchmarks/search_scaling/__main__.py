"""``python -m benchmarks.search_scaling``: how long one worker takes for some trials of a search, and several for the same; prints a table.

Two figures: of the whole run, with the start of the workers and the end, where one is at the last of the trials; and of a long search,
where neither weighs: by how much the same trials, each on its own, take longer beside the other workers'.
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from pipeline.measure.conditions import watch
from pipeline.measure.host import describe_host
from pipeline.progress import note
from pipeline.search.engines import local
from pipeline.search.plan import SearchPlan
from pipeline.search.work import Budget
from pipeline.search.worker import WorkerCommand
from pipeline.store import Artifact, Spec
from pipeline.store.place import default_store

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Mode:
    workers: int
    threads: int

    def __str__(self) -> str:
        return f"{self.workers} worker{'s' * (self.workers > 1)} of {self.threads} thread{'s' * (self.threads > 1)}"


class Took(NamedTuple):
    """Seconds of a run, and the sum of those of its trials."""

    seconds: float
    trials: float


def main() -> None:
    options = _options()
    one, several = Mode(1, 1), Mode(options.workers, 1)
    all_modes = [one, several, *([Mode(1, os.cpu_count() or 1)] if options.whole else [])]
    took: dict[Mode, list[Took]] = defaultdict(list)
    with TemporaryDirectory(dir=options.scratch) as folder, watch("timing") as seen:
        plan = _prepared(options, Path(folder) / "source")
        points = _points(plan, options.trials)
        for number in range(options.rounds):
            for mode in all_modes[::1 if number % 2 == 0 else -1]:
                took[mode].append(_run(plan, points, mode, Path(folder) / "run"))
                note(f"round {number + 1}: {mode}: {took[mode][-1].seconds:.0f} s")
    host = describe_host()
    print(f"{host['cpu']}, {os.cpu_count()} cores, {host['system']}, {date.today()}; {options.trials} trials, {options.rounds} rounds in "
          "turns; each run takes the same points in the same order from a store that holds no trial")
    print("| workers | seconds of each round | trials a minute | times one worker | seconds of all trials | in a long search |\n|"
          + " --- |" * 6)
    for mode in all_modes:
        rounds = ", ".join(f"{run.seconds:.0f}" for run in took[mode])
        whole, trials = ([sum(getattr(run, name) for run in took[of]) for of in (one, mode)] for name in ("seconds", "trials"))
        print(f"| {mode} | {rounds} | {60 * options.trials * options.rounds / whole[1]:.2f} | {whole[0] / whole[1]:.2f} | "
              f"{trials[1]:.0f} | {mode.workers * trials[0] / trials[1]:.2f} |")
    if seen.broken:
        print(f"disturbed: {seen.broken}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search_scaling", description="the time of trials by one and by several")
    parser.add_argument("--store", type=Path, default=default_store(ROOT), help="artifact store; it is copied [%(default)s]")
    parser.add_argument("--profile", default="reference", help="[%(default)s]")
    parser.add_argument("--space", default="compress", help="[%(default)s]")
    parser.add_argument("--workers", type=int, default=2, help="[%(default)s]")
    parser.add_argument("--whole", action="store_true", help="one worker on all cores, too")
    parser.add_argument("--trials", type=int, default=12, help="of each run [%(default)s]")
    parser.add_argument("--rounds", type=int, default=1, help="[%(default)s]")
    parser.add_argument("--scratch", type=Path, help="where the copies lie [the system's folder for such]")
    return parser.parse_args()


def _prepared(options: argparse.Namespace, folder: Path) -> SearchPlan:
    """The plan over a copy of the store that holds what every trial begins with, and nothing of a trial."""
    from pipeline.compress.sources import builder, merged_and_data
    from pipeline.search.evaluate import open_bench
    from pipeline.store.remote import Remote

    plan = SearchPlan("scaling", "", str(folder / "store"), profile=options.profile, space=options.space, sampler="random")
    profile, build = plan.opened_profile(), builder(options.store)
    needed: list[Artifact] = []

    def noted(spec: Spec) -> Artifact:
        needed.append(build(spec))
        return needed[-1]

    open_bench(noted, profile, *merged_and_data(noted, profile), plan.queries)
    remote = Remote(f"file://{folder}/shared")
    for artifact in needed:
        remote.push(artifact)
    copy = builder(folder / "store", remote.url)
    open_bench(copy, profile, *merged_and_data(copy, profile), plan.queries)
    return plan


def _points(plan: SearchPlan, number: int) -> list[dict[str, Any]]:
    """Points of the space drawn at random, each once, of those that would be built."""
    import optuna

    from pipeline.search.evaluate import too_large
    from pipeline.search.space import checked_recipe, load_space, recipe_text
    from pipeline.search.task import claims

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space, profile = load_space(plan.space), plan.opened_profile()
    objectives, constraints = claims(plan, profile)
    study, found = optuna.create_study(sampler=optuna.samplers.RandomSampler(plan.seed)), []
    with TemporaryDirectory() as folder:
        while len(found) < number:
            trial = study.ask()
            drawn = space.draw(trial)
            if trial.params not in found and not too_large(checked_recipe(recipe_text(drawn), Path(folder)), profile,
                                                           [*objectives, *constraints]):
                found.append(trial.params)
    return found


def _run(plan: SearchPlan, points: list[dict[str, Any]], mode: Mode, folder: Path) -> Took:
    """From the start of the workers until the last of the points is judged; what a worker drew meanwhile is none of them."""
    from pipeline.search.task import open_study_of

    folder.mkdir()
    try:
        shutil.copytree(plan.store, folder / "store")
        here = replace(plan, store=str(folder / "store"), study_url=f"sqlite:///{folder}/search.db")
        study = open_study_of(here)
        for point in points:
            study.enqueue_trial(point)
        begun = datetime.now()
        local.run(WorkerCommand(here), mode.workers, Budget(trials=len(points)), mode.threads)
        asked = [trial for trial in study.get_trials(deepcopy=False) if trial.number < len(points)]
        trials = sum((trial.datetime_complete - trial.datetime_start).total_seconds() for trial in asked)
        return Took((max(trial.datetime_complete for trial in asked) - begun).total_seconds(), trials)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
