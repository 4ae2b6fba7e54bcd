"""The recommended recipe looked at once on the challenge set: its verdicts, and those of the recipes it is said to beat."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.compress.chain import Compressed, compress
from pipeline.compress.recipe import ORIGINAL, load_recipe
from pipeline.compress.sources import builder, merged_and_data
from pipeline.data.records import read_records
from pipeline.errors import EdgeError
from pipeline.measure.comparison import Against, Measured, measure_all
from pipeline.measure.compression import size_share
from pipeline.measure.measurement import Measurement, PairedSample, Sample
from pipeline.measure.size import size
from pipeline.measure.subject import Subject
from pipeline.report.compression import record, show, write
from pipeline.report.recipe_steps import print_table
from pipeline.runtime.files import write_object
from pipeline.search.dominance import Comparison, Served, compare
from pipeline.search.evaluate import subject_of
from pipeline.search.plan import SearchPlan
from pipeline.search.report import RECOMMENDED
from pipeline.search.seeds import held
from pipeline.search.space import load_space
from pipeline.verdict.judge import Verdict, judge
from pipeline.verdict.thresholds import Target, read_thresholds

PHASE = "10 compression"
LOSS = "compression.accuracy_loss"
ASKED = ("size", "size_share", "peak_rss", "memory_share", "accuracy_loss")
"""The metrics whose claims the recommended recipe has to pass wherever one of the others does."""
Verdicts = Mapping[str, Verdict]


@dataclass(frozen=True)
class Confirmed:
    """verdicts: recipe -> claim -> verdict, as if each claim counted on this profile.  missed: claims that another passes and the
    recommended does not.  beside: the recommended against each of the others."""

    recommended: str
    verdicts: Mapping[str, Verdicts]
    missed: Sequence[str]
    beside: Sequence[Comparison]

    @property
    def holds(self) -> bool:
        """It passes what the others pass, and dominates one of them."""
        return not self.missed and any(one.dominates for one in self.beside)

    def to_json(self) -> dict[str, Any]:
        return {"recommended": self.recommended, "holds": self.holds, "missed": list(self.missed),
                "beside": [{**one._asdict(), "dominates": one.dominates} for one in self.beside],
                "verdicts": {name: {claim: verdict.to_json() for claim, verdict in its.items()} for name, its in self.verdicts.items()}}


def confirm(plan: SearchPlan, names: Sequence[str], reports: Path, rounds: int) -> Confirmed:
    """Build and measure the recommended recipe and ``names``, or all recipes that the space holds, on the challenge set.

    Prints a table of figures and one of verdicts; writes compression.* and confirmed.json beside the front.  EdgeError on a profile that
    tells nothing of behaviour, and without a recommendation.
    """
    folder, profile = reports / plan.study, plan.opened_profile()
    if not (folder / RECOMMENDED).is_file():
        raise EdgeError(f"{folder / RECOMMENDED}: expected a recommended recipe, found none; search until a trial meets every claim")
    if "behaviour" not in profile.tells or rounds < 1:
        raise EdgeError("--confirm: expected a profile that tells about behaviour and --rounds of at least 1, found "
                        f"{profile.name} and {rounds}; use `edge compress --compare` there")
    recommended = load_recipe(str(folder / RECOMMENDED))
    others = [load_recipe(name) for name in names or held(load_space(plan.space))]
    build = builder(Path(plan.store), plan.store_url)
    merged, data = merged_and_data(build, profile)
    made = [compress(build, profile, recipe, merged, data) for recipe in (ORIGINAL, recommended, *others)]
    subjects = [subject_of(one, profile) for one in made]
    records = [one.to_json() for one in read_records(data.file("challenge.jsonl"))]
    measured = measure_all(subjects, [one["query"] for one in records], Against(subjects[0], records), rounds)
    content = record(profile, made, measured, merged)
    show(content, sys.stdout)
    targets = read_thresholds(Path(plan.thresholds)).claims
    found = judged(made, subjects, measured, targets)
    tell(found)
    write(content, folder)
    write_object(folder / "confirmed.json", found.to_json())
    return found


def judged(made: Sequence[Compressed], subjects: Sequence[Subject], measured: Sequence[Measured],
           targets: Mapping[str, Target]) -> Confirmed:
    """The verdicts of all but the first, which is the original; the second is the recommended."""
    claims = {name: target for name, target in targets.items() if target.phase == PHASE}
    verdicts: dict[str, Verdicts] = {}
    for one, subject, its in list(zip(made, subjects, measured, strict=True))[1:]:
        known = _measurements(subjects[0], subject, measured[0], its)
        verdicts[one.recipe.name] = {name: judge(known[target.metric], target) for name, target in claims.items() if target.metric in known}
    first, *rest = [_served(one.recipe.name, its) for one, its in list(zip(made, measured, strict=True))[1:]]
    beside = [compare(first, other, targets[LOSS]) for other in rest]
    return Confirmed(first.name, verdicts, missed(*verdicts.values(), claims=claims), beside)


def missed(mine: Verdicts, *others: Verdicts, claims: Mapping[str, Target]) -> list[str]:
    """The claims on size, memory and loss that one of the others passes and ``mine`` does not, be it for want of samples."""
    return [name for name in mine if claims[name].metric in ASKED and mine[name].state != "pass"
            and any(its[name].state == "pass" for its in others)]


def tell(found: Confirmed) -> None:
    """Print the verdicts, a row a recipe, and what the recommended dominates."""
    claims = list(found.verdicts[found.recommended])
    rows = [[name, *(its[claim].state for claim in claims)] for name, its in found.verdicts.items()]
    beside = [f"{found.recommended} beside {one.other}: bytes {one.bytes}, memory {one.memory}, loss {one.loss}"
              f"{' - dominates it' if one.dominates else ''}" for one in found.beside]
    lacks = ", ".join(found.missed)
    verdict = f"misses {lacks}, which another passes" if lacks else "passes what others pass of size, memory, loss"
    print_table(sys.stdout, ["verdicts", *claims], rows, numbers=(), notes=[*beside, f"{found.recommended} {verdict}"])


def _measurements(original: Subject, subject: Subject, before: Measured, its: Measured) -> dict[str, Measurement]:
    """By metric, of what was measured side by side."""
    whole, small, slow, quick = before["memory"], its["memory"], before["latency"], its["latency"]
    assert isinstance(slow, Sample) and isinstance(quick, Sample)
    found: dict[str, Measurement] = {"size": size(subject, of="onnx"), "size_share": size_share(original, subject),
                                     "accuracy_loss": its["loss"], "peak_rss": small, "latency": quick,
                                     "speedup": PairedSample(metric="speedup", unit="ms", reference=slow.values, candidate=quick.values,
                                                             invalid=slow.invalid or quick.invalid)}
    if isinstance(whole, Sample) and isinstance(small, Sample):
        shares = [mine / its for mine, its in zip(small.values, whole.values, strict=True)]
        found["memory_share"] = replace(small, metric="memory_share", unit="proportion", values=shares,
                                        invalid=whole.invalid or small.invalid)
    return found


def _served(name: str, its: Measured) -> Served:
    memory: Any = its["memory"]
    return Served(name, its["size"].details["bytes"], memory.values, its["accuracy"].outcomes)
