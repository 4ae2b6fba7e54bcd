"""An A/B test so far: outcomes from a file, the difference with bounds that hold at every look, and whether to stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.data.jsonl import read_jsonl
from pipeline.errors import EdgeError
from pipeline.registry.split import ARMS, is_treated
from pipeline.verdict.sequential import randomised_difference
from pipeline.verdict.statistics import Bounds

GO_ON, WINS, STAYS = "go on", "stop: challenger wins", "stop: champion stays"


@dataclass(frozen=True)
class Outcome:
    """What came of one unit: 1 good, 0 bad, or between.  arm: the version that it got, if the line says so."""

    unit: str
    value: float
    arm: str = ""


@dataclass(frozen=True)
class Look:
    """units and mean by arm; bounds of challenger less champion; what to do."""

    units: tuple[int, int]
    means: tuple[float, float]
    bounds: Bounds
    decision: str


def read_outcomes(path: Path, experiment: str, share: float) -> list[tuple[bool, float]]:
    """(got the challenger, outcome) a unit, in the file's order.

    Lines are ``{"unit": "u1", "outcome": 1}``; EdgeError for a unit that stands twice, an outcome outside [0, 1], or an ``arm`` that the
    split would not have given: those would not be drawn by chance.
    """
    seen: dict[str, int] = {}
    found: list[tuple[bool, float]] = []
    for line, outcome in read_jsonl(path, _outcome):
        where, treated = f"{path}:{line}", is_treated(experiment, outcome.unit, share)
        if (first := seen.setdefault(outcome.unit, line)) != line:
            raise EdgeError(f"{where}: expected one outcome a unit, found {outcome.unit!r:.60} in line {first} too; "
                            "put a user's outcomes together")
        if outcome.arm not in ("", ARMS[treated]):
            raise EdgeError(f"{where}: expected {outcome.unit!r:.60} to have had the {ARMS[treated]}, as the split of {experiment} at "
                            f"share {share:g} says, found {outcome.arm!r:.20}; route by the split, or name the share that was used")
        found.append((treated, outcome.value))
    return found


def decide(outcomes: Sequence[tuple[bool, float]], share: float, gain: float, confidence: float, at_most: int | None = None) -> Look:
    """The challenger wins when it is shown to be better than the champion by more than ``gain``, the champion stays when it is shown
    not to be.

    Shown: at the confidence, however often and whenever one looks.  gain may be below 0, for a challenger that is worth having if it is
    not worse by more.  With ``at_most`` outcomes and nothing shown, the champion stays.
    """
    used = list(outcomes[:at_most])
    bounds = randomised_difference([treated for treated, _ in used], [value for _, value in used], share, confidence)
    arms = [[value for treated, value in used if treated is arm] for arm in (False, True)]
    means = tuple(sum(arm) / len(arm) if arm else float("nan") for arm in arms)
    ended = at_most is not None and len(used) >= at_most
    return Look((len(arms[0]), len(arms[1])), (means[0], means[1]), bounds, _decision(bounds, gain, ended))


def _decision(bounds: Bounds, gain: float, ended: bool) -> str:
    if bounds.lower > bounds.upper:  # no one difference fits all looks: it changed while it was measured
        return GO_ON
    if bounds.lower > gain:
        return WINS
    return STAYS if bounds.upper < gain or ended else GO_ON


def _outcome(row: dict[str, Any], where: str) -> Outcome:
    unit, value, arm = row.get("unit"), row.get("outcome"), row.get("arm", "")
    if not isinstance(unit, str) or not unit:
        raise EdgeError(f"{where}: expected a `unit`, the user or request as text, found {unit!r:.40}; add it")
    if not isinstance(value, (bool, int, float)) or not 0 <= value <= 1:
        raise EdgeError(f"{where}: expected an `outcome` between 0 (bad) and 1 (good), found {value!r:.40}; scale it")
    if not isinstance(arm, str):
        raise EdgeError(f"{where}: expected `arm` to be champion or challenger, found {arm!r:.40}; leave it out")
    return Outcome(unit, float(value), arm)
