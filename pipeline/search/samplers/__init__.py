"""Samplers: one file each with ``make(seed, objectives, **settings) -> optuna.samplers.BaseSampler``."""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import EdgeError
from pipeline.search.objectives import Objective

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

CONSTRAINTS = "constraints"
"""The trial's attribute with how far each claim is missed, in its unit: above 0 where it is."""


def sampler_names() -> list[str]:
    """The names of all samplers: the files of this folder."""
    return sorted(file.stem for file in Path(__file__).parent.glob("[a-z]*.py"))


def make_sampler(name: str, seed: int, objectives: Sequence[Objective], settings: Mapping[str, Any]) -> BaseSampler:
    """A sampler by name; EdgeError with the known names for another, and for a setting that it does not have or take."""
    if name not in (known := sampler_names()):
        raise EdgeError(f"sampler {name!r}: expected one of {', '.join(known)}")
    make = importlib.import_module(f"{__name__}.{name}").make
    takes = [parameter for parameter in inspect.signature(make).parameters if parameter not in ("seed", "objectives")]
    if unknown := sorted(set(settings) - set(takes)):
        raise EdgeError(f"sampler {name}: expected settings of {', '.join(takes) or 'none'}, found {', '.join(unknown)}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is experimental in Optuna
            made: BaseSampler = make(seed, objectives, **settings)
    except (TypeError, ValueError) as error:
        raise EdgeError(f"sampler {name}: expected settings that it takes, found {dict(settings)}: {error}") from None
    return made


def draws_whole(name: str) -> bool:
    """Whether every parameter has to be drawn in every trial: WHOLE in the sampler's file."""
    return bool(getattr(importlib.import_module(f"{__name__}.{name}"), "WHOLE", False))


def constraints(trial: FrozenTrial) -> tuple[float, ...]:
    """Optuna's ``constraints_func``: how far each claim is missed."""
    return tuple(trial.user_attrs.get(CONSTRAINTS, ()))
