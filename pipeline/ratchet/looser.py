"""The ratchet: a target may be tightened freely, and loosened with a written reason that is newer than the change.

Every comparison gives {what became looser: in words, with both figures}; nothing in it means as strict or stricter.  If
b is not looser than a, and c not looser than b, c is not looser than a.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from pipeline.verdict.baseline import Kept
from pipeline.verdict.regression import compare as compare_figures
from pipeline.verdict.thresholds import Gate, Target, Thresholds

Kind = Literal["dropped", "stopped", "shrunk", "loosened", "red", "stale"]
WORST_FIRST: tuple[Kind, ...] = ("dropped", "stopped", "shrunk", "loosened", "red", "stale")
ANOTHER_CLAIM = ("metric", "unit", "statistic", "comparison", "about")  # under the same name: never merely a tightening


@dataclass(frozen=True)
class Finding:
    """One thing that is worse than at the reference: ``where``, in words, and the mend."""

    kind: Kind
    where: str
    words: str
    mend: str

    def __str__(self) -> str:
        return " ".join(f"{self.kind} {self.where}: {self.words}; {self.mend}".split())


@dataclass(frozen=True)
class Sizes:
    """What the ratchet asks of a baseline: where and with how many samples each claim was measured, its figures, a reason."""

    profile: str
    host_class: str
    n: Mapping[str, int]
    reason: str = ""
    kept: Mapping[str, Kept] = field(default_factory=dict)


class Reasoned(Protocol):
    @property
    def reason(self) -> str: ...


Version = TypeVar("Version", bound=Reasoned)


def loosened(before: Target, after: Target) -> dict[str, str]:
    """Each field by which ``after`` is easier to meet than ``before``, or by which it claims something else."""
    easy = 1 if after.comparison == "<" else -1  # the side to which a target moves when it becomes easier to meet
    moves = {"target": easy, "percentile": -easy, "confidence": -1, "smallest_n": -1}
    fields = [name for name in ANOTHER_CLAIM if getattr(before, name) != getattr(after, name)]
    fields += [name for name, side in moves.items() if side * ((getattr(after, name) or 0) - (getattr(before, name) or 0)) > 0]
    if after.tolerated.relative != before.tolerated.relative or after.tolerated.value > before.tolerated.value:
        fields.append("tolerance")
    if (before.host, after.host) == ("any", "m4"):
        fields.append("host")
    return {name: _step(name, getattr(before, name), getattr(after, name)) for name in fields}


def loosened_gate(before: Gate, after: Gate) -> dict[str, str]:
    """Each state that is no longer red, and a confidence at which a regression has become harder to show."""
    found = {state: f"{state} is no longer red" for state in before.red if state not in after.red}
    if after.regression_confidence > before.regression_confidence:
        name = "regression_confidence"
        found[name] = _step(name, before.regression_confidence, after.regression_confidence)
    return found


def shrunk(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, str]:
    """Each claim that is measured with fewer samples than before."""
    return {name: f"test set shrunk from {n} to {now[name]}" for name, n in before.items() if now.get(name, n) < n}


def stopped(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, str]:
    """Each claim that was measured before and is not now."""
    return {name: f"has stopped running: measured before with {n} samples, not now" for name, n in before.items() if name not in now}


def weakened(before: Sizes, after: Sizes) -> dict[str, str]:
    """Each claim of which a baseline holds less than before."""
    was, now = ((sizes.profile, sizes.host_class) for sizes in (before, after))
    if was != now:
        return {"": f"was of {' on '.join(was)}, is of {' on '.join(now)}"}
    gone = {name: "the figure is gone" for name in before.n if name not in after.n}
    return gone | shrunk(before.n, after.n)


def worsened(before: Sizes, after: Sizes, thresholds: Thresholds) -> dict[str, str]:
    """Each claim of which a baseline holds a figure that counts as a regression from the one before: less is asked of later runs."""
    shared = [name for name in before.kept if name in after.kept and name in thresholds.claims]
    changes = {name: compare_figures(before.kept[name], after.kept[name], thresholds.claims[name], thresholds.gate.regression_confidence)
               for name in shared}
    return {name: _step("the figure", before.kept[name].value, after.kept[name].value)
            for name, change in changes.items() if change.state == "regressed"}


def unexcused(versions: Sequence[Version], compare: Callable[[Version, Version], dict[str, str]]) -> dict[str, str]:
    """The loosenings from the first version to the last that the last one's reason does not speak for.

    versions: oldest first.  What was loosened and brought back on the way is no loosening.  The change is the step after
    the last version that was still stricter than the last; a reason that stood in that version, or in the first, is older.
    """
    first, last = versions[0], versions[-1]
    found = {}
    for what, words in compare(first, last).items():
        stricter = next(version for version in reversed(versions) if what in compare(version, last))
        if not is_newer(last.reason, first.reason, stricter.reason):
            found[what] = words
    return found


def is_newer(reason: str, *older: str) -> bool:
    """Whether a reason is written, and is none of the older ones (spaces and line breaks aside)."""
    return bool(reason.strip()) and reason.split() not in [text.split() for text in older]


def ratchet(versions: Sequence[Thresholds], file: str) -> list[Finding]:
    """What the last version of thresholds.yaml claims less than the first, without a newer reason; versions oldest first."""
    first, last = versions[0], versions[-1]
    found = [Finding("loosened", f"{file}: gate", words, "write why, and when, as `reason:` under `gate:`, or take it back")
             for words in unexcused([version.gate for version in versions], loosened_gate).values()]
    for name in first.claims:
        if name in last.claims:
            history = [version.claims[name] for version in versions if name in version.claims]
            found += [Finding("loosened", f"{file}: {name}", words, "write why, and when, as the entry's `reason:`, or take it back")
                      for words in unexcused(history, loosened).values()]
        elif not is_newer(last.dropped.get(name, "")):  # a version never has a name under both `claims` and `dropped`
            mend = f"put it back, or write why as `dropped: {{{name}: ...}}`"
            found.append(Finding("dropped", f"{file}: {name}", "the claim is gone", mend))
    return found


def _step(name: str, before: Any, after: Any) -> str:
    return f"{name} {_figure(before)} -> {_figure(after)}"


def _figure(value: Any) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)
