"""What a run measured, kept in a file one commits, and what a later run is compared with."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.atomic import write_atomically
from pipeline.errors import EdgeError
from pipeline.verdict.thresholds import Number, Statistic, Unit
from pipeline.yaml_file import read_model, validate

HEADER = "# What a run measured; later runs are compared with it.  Written by `edge baseline save`, read by `pytest --baseline`.\n"
Bits = Annotated[str, Field(pattern="^[0-9a-f]*$")]
DIGITS = 4  # of a kept time: 0.01 % is far below what two runs differ by


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Kept(Section):
    """One claim's figure, and what a test needs to compare it; no query is shown.

    items: digest of the queries, the same for the same queries in any order.  outcomes, or reference and candidate: a bit a
    query, in the order of the sorted queries, as hexadecimal digits.  values: raw samples; of interleaved pairs their ratios.
    """

    metric: str
    unit: Unit
    statistic: Statistic
    percentile: Number | None = None
    n: Annotated[int, Field(ge=1)]
    value: Number
    items: str = ""
    outcomes: Bits = ""
    reference: Bits = ""
    candidate: Bits = ""
    values: list[Number] = []

    @model_validator(mode="after")
    def _a_bit_for_each_item(self) -> Kept:
        given = [bits for bits in (self.outcomes, self.reference, self.candidate) if bits]
        if any(len(bits) != _digits(self.n) or int(bits, 16) >> self.n for bits in given):
            raise ValueError(f"expected {_digits(self.n)} hexadecimal digits, a bit for each of {self.n} queries")
        if len(given) != (0 if not self.items else 1 if self.statistic == "proportion" else 2):
            raise ValueError("expected `outcomes` with the `items` of a proportion, `reference` and `candidate` with those of a pair")
        if self.statistic == "proportion" and not 0 <= self.value <= 1:
            raise ValueError("expected a proportion between 0 and 1")
        return self

    def bits(self, name: Literal["outcomes", "reference", "candidate"]) -> list[int]:
        """1 or 0 a query, in the order of the sorted queries."""
        return [int(bit) for bit in f"{int(getattr(self, name) or '0', 16):0{self.n}b}"]


class Baseline(Section):
    """A whole file.  artifacts: role -> store key of what was measured; commit: "" where it was not clean and committed.

    reason: why a figure, a test set or a claim went when the file was last saved over a better one.
    """

    version: Literal[1]
    profile: str
    host_class: str
    saved: str
    run: str
    commit: Annotated[str, Field(pattern="^([0-9a-f]{40,64})?$")] = ""
    reason: str = ""
    artifacts: dict[str, Annotated[str, Field(pattern="^[0-9a-f]{64}$")]] = {}
    claims: Annotated[dict[str, Kept], Field(min_length=1)]


def keep(claim: Mapping[str, Any], queries: Mapping[str, Sequence[str]]) -> Kept | None:
    """One claim of a run's record; None where it holds no valid figure.  ``queries``: the record's lists by digest."""
    verdict, measurement = claim["verdict"], claim["measurement"]
    if verdict["value"] is None or measurement["shape"] == "not_measured" or measurement.get("invalid"):
        return None
    items = queries.get(measurement.get("items") or "", ())
    facts = {name: claim.get(name) for name in ("metric", "unit", "statistic", "percentile")}
    return Kept(**facts, n=verdict["n"], value=verdict["value"], items=digest(items), **_raw(measurement, items))


def _raw(measurement: Mapping[str, Any], items: Sequence[str]) -> dict[str, Any]:
    match measurement["shape"]:
        case "proportion" if items:
            return {"outcomes": _bits(measurement["outcomes"], items)}
        case "paired" if items:
            return {side: _bits(measurement[side], items) for side in ("reference", "candidate")}
        case "sample":
            return {"values": [_short(value) for value in measurement["values"]]}
        case "paired_sample":
            sides = zip(measurement["reference"], measurement["candidate"], strict=True)
            return {"values": [_short(reference / candidate) for reference, candidate in sides]}
    return {}


def _bits(outcomes: Sequence[int], items: Sequence[str]) -> str:
    in_order = "".join(str(int(bool(outcomes[place]))) for place in sorted(range(len(items)), key=lambda place: items[place]))
    return f"{int(in_order, 2):0{_digits(len(items))}x}"


def _digits(n: int) -> int:
    return -(-n // 4)


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def digest(items: Sequence[str]) -> str:
    """The same for the same items in any order; "" for none."""
    return hashlib.sha256("\n".join(sorted(items)).encode()).hexdigest()[:16] if items else ""


def baseline_of(results: Mapping[str, Any], reason: str = "") -> Baseline:
    """What a run's record holds that can be compared; EdgeError when that is nothing."""
    try:
        return _baseline_of(results["run"], results.get("queries") or {}, results, reason)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        words = str(error).splitlines()[0]
        raise EdgeError(f"baseline: expected a complete record of a run, found a fault at {words}; run `make accept` again") from None


def _baseline_of(run: Mapping[str, Any], queries: Mapping[str, Sequence[str]], results: Mapping[str, Any], reason: str) -> Baseline:
    kept = {claim["id"]: figure for claim in results["claims"] if (figure := keep(claim, queries))}
    if not kept:
        raise EdgeError("baseline: expected a record with at least one valid figure, found none; run `make accept` first")
    git = run.get("git") or {}
    artifacts = {manifest["role"]: key for key, manifest in (results.get("artifacts") or {}).items()}
    commit = "" if git.get("code_dirty", git.get("dirty")) else git.get("commit", "")
    return Baseline(version=1, profile=run["profile"], host_class=run["host"]["host_class"], saved=run["finished"], run=run["id"],
                    commit=commit, reason=reason, artifacts=artifacts, claims=kept)


def default_path(profile: str, host_class: str, folder: Path) -> Path:
    """Where in ``folder`` the baseline of a profile and host class stands."""
    return folder / f"{_slug(profile)}.{_slug(host_class)}.yaml"


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-.").lower() or "unnamed"


def read_baseline(path: Path) -> Baseline:
    """A baseline from YAML; anything else is one EdgeError line."""
    return read_model(path, Baseline)


def parse_baseline(content: dict[str, Any], where: str) -> Baseline:
    """`read_baseline` for content at hand; ``where`` names it in the error."""
    return validate(content, Baseline, where)


def find_baseline(path: Path, profile: str, host_class: str) -> Baseline:
    """The baseline in a file, or in a folder the one of this profile and host class; one of another is refused."""
    file = default_path(profile, host_class, path) if path.is_dir() else path
    baseline = read_baseline(file)
    check_comparable(baseline, profile, host_class, str(file))
    return baseline


def check_comparable(baseline: Baseline, profile: str, host_class: str, where: str) -> None:
    """EdgeError unless the baseline is of that profile and host class."""
    for name, found, here in (("profile", baseline.profile, profile), ("host class", baseline.host_class, host_class)):
        if found != here:
            raise EdgeError(f"{where}: expected a baseline of {name} {here!r}, found one of {found!r}: figures of another "
                            f"{name} are not comparable; save one with `edge baseline save`")


def write_baseline(baseline: Baseline, path: Path) -> None:
    """As YAML, keys in a fixed order, one block a claim."""
    content = baseline.model_dump(exclude_defaults=True)
    text = yaml.dump(content, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)
    write_atomically(path, HEADER + text)


class _Dumper(yaml.SafeDumper):
    """Numbers in rows, everything else a line each."""

    def represent_list(self, data: list[Any]) -> yaml.Node:
        numbers = bool(data) and not any(isinstance(item, str) for item in data)
        return self.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=numbers)


_Dumper.add_representer(list, _Dumper.represent_list)
