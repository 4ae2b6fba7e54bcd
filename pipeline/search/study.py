"""A study: the trials of one search, with what it takes for a second run of the same command to go on with it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipeline.errors import EdgeError
from pipeline.search.objectives import Objective
from pipeline.search.storage import open_storage

if TYPE_CHECKING:
    from optuna import Study
    from optuna.samplers import BaseSampler

SETTING = "setting"
"""The study's attribute that says what its values are comparable by."""


def open_study(name: str, storage_url: str, sampler: BaseSampler | None, objectives: Sequence[Objective]) -> Study:
    """The study of that name, made if it is not there; EdgeError when it has other objectives."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        study_name=name, storage=open_storage(storage_url), sampler=sampler, load_if_exists=True,
        directions=[objective.direction for objective in objectives])
    asked = [objective.name for objective in objectives]
    if not study.metric_names:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names(asked)
    if study.metric_names != asked:
        raise EdgeError(f"study {name}: expected the objectives that it was begun with, {', '.join(study.metric_names or ())}, found "
                        f"{', '.join(asked)}; name those, or another study")
    return study


def claim_setting(study: Study, setting: dict[str, Any]) -> None:
    """Keep what the study's values depend on; EdgeError when it was begun with something else."""
    kept = study.user_attrs.get(SETTING)
    if kept is None:
        study.set_user_attr(SETTING, setting)
        return
    for name, value in setting.items():
        if kept.get(name) != value:
            raise EdgeError(f"study {study.study_name}: expected {name} {kept.get(name)!r}, with which it was begun, found {value!r}; "
                            "give the same, or another --study")
