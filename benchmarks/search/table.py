"""Every point of a small space measured once, as the search measures it, so that samplers can be replayed on it in seconds."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pipeline.errors import EdgeError
from pipeline.measure.host import describe_host
from pipeline.runtime.files import read_object, write_object
from pipeline.search.hypervolume import volume
from pipeline.search.samplers import CONSTRAINTS
from pipeline.search.work import REFUSED, SAME_AS

HERE = Path(__file__).parent
SPACE, TABLE = HERE / "space.yaml", HERE / "table.json"
OBJECTIVES = ("compression.accuracy_loss", "compression.size")
QUERIES = 300
Steps = list[dict[str, Any]]


@dataclass(frozen=True)
class Row:
    """values: by objective; none where the point was refused or could not be built.  missed: by how much each claim is missed."""

    values: tuple[float, ...] | None
    missed: tuple[float, ...]
    refused: bool


@dataclass(frozen=True)
class Table:
    """rows: by a recipe's steps (`key_of`).  targets: of the objectives, beyond which nothing counts."""

    rows: Mapping[str, Row]
    targets: tuple[float, ...]

    def at(self, steps: Steps) -> Row:
        """LookupError for a recipe that was not measured."""
        if (row := self.rows.get(key_of(steps))) is None:
            raise LookupError(f"the table: expected the recipe {key_of(steps)}, found none; measure the table again")
        return row

    @cached_property
    def best(self) -> float:
        """The hypervolume of all points together: what no search can surpass."""
        return self.volume([row for row in self.rows.values() if row.values])

    def volume(self, rows: list[Row]) -> float:
        """Up to the targets, of the points that miss none."""
        within = [row.values for row in rows if row.values and max(row.missed) < 0]
        return volume(np.array(within).reshape(len(within), len(self.targets)), np.array(self.targets))


def key_of(steps: Steps) -> str:
    return json.dumps(steps, sort_keys=True)


def read_table(file: Path = TABLE) -> Table:
    """EdgeError for one that is missing, or of another form."""
    content = read_object(file, "a table of measured points")
    if not isinstance(content.get("rows"), list) or not content["rows"]:
        raise EdgeError(f"{file}: expected rows of measured points, found none; run python -m benchmarks.search table")
    rows = {key_of(row["steps"]): Row(row["values"] and tuple(row["values"]), tuple(row["missed"]), row["refused"])
            for row in content["rows"]}
    return Table(rows, tuple(content["targets"]))


def measure(store: Path, database: Path, out: Path) -> None:
    """Measure every point that the study in ``database`` does not have yet, and write the table."""
    from optuna.samplers import BruteForceSampler

    from pipeline.search.plan import SearchPlan
    from pipeline.search.task import open_task
    from pipeline.search.work import Budget, run_trials

    plan = SearchPlan("table", f"sqlite:///{database.resolve()}", str(store.resolve()), space=str(SPACE), objectives=OBJECTIVES, rungs=1,
                      sampler="random", queries=QUERIES)
    task = open_task(plan)
    task.study.sampler = BruteForceSampler(seed=0)
    run_trials(task.study, task.judge, Budget())
    write(task.study, [one.target for one in task.objectives], plan.profile, out)


def write(study: Any, targets: list[float], profile: str, out: Path) -> None:
    """The trials of a study as a table."""
    from pipeline.search.task import RECIPE

    rows = [{"steps": yaml.safe_load(trial.user_attrs[RECIPE])["steps"], "values": trial.values,
             "missed": trial.user_attrs.get(CONSTRAINTS, []), "refused": REFUSED in trial.user_attrs}
            for trial in study.get_trials(deepcopy=False)
            if trial.state.is_finished() and RECIPE in trial.user_attrs and SAME_AS not in trial.user_attrs]
    host = describe_host()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=HERE).stdout.strip()
    write_object(out, {
        "profile": profile, "queries": QUERIES, "objectives": list(OBJECTIVES), "targets": targets,
        "host": host["host_class"], "date": str(date.today()), "commit": commit,
        "rows": sorted(rows, key=lambda row: key_of(row["steps"]))})
