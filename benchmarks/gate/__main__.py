"""``python -m benchmarks.gate``: measure the gate and write docs/selftest.md; exit code 1 where it is worse than wanted."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.gate.coverage import coverages
from benchmarks.gate.inject import growth, slowdowns
from benchmarks.gate.repeats import ROOT, Repeats, repeat
from benchmarks.gate.simulate import Rate, false_passes, regressions
from benchmarks.gate.table import page
from pipeline.atomic import write_atomically
from pipeline.store import Store
from pipeline.store.place import default_store
from pipeline.verdict.statistics import clopper_pearson
from pipeline.verdict.thresholds import read_thresholds

FALSE_ALARMS, FOUND, SEED = 0.01, 0.95, 20260101
MUST_BE_FOUND = ("-5 points", "+20 %")  # and what memory grows by, which is twice its tolerance
CONFIDENCE = 0.99  # of the claim that the gate is worse than wanted


def main() -> int:
    options = _options()
    thresholds, store = read_thresholds(ROOT / "thresholds.yaml"), Store(options.store)
    with tempfile.TemporaryDirectory() as folder:
        repeats = repeat(options.repeats, Path(folder), ["acceptance", "--store", str(options.store)])
        record = repeats.record
        planted = slowdowns(record, thresholds, store, options.repeats, Path(folder)) + \
            growth(record, thresholds, store, options.repeats, Path(folder))
    rates = regressions(record, thresholds, options.runs, SEED)
    passes = false_passes(thresholds, {claim["id"]: claim["verdict"]["n"] for claim in record["claims"]}, 10 * options.runs, SEED)
    text = page(record, rates, planted, passes, coverages(options.runs, SEED), repeats, thresholds.gate.regression_confidence)
    write_atomically(options.to, text)
    problems = list(_worse_than_wanted([*rates, *planted], repeats))
    if not any((rate.claim, rate.injected) == ("latency.p95", "+20 %") for rate in planted):
        problems.append("worse than wanted: no planted slow-down was undisturbed enough to count; repeat on an idle machine")
    print(text, *problems, sep="\n")
    return int(bool(problems))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate", description="the gate under test")
    parser.add_argument("--runs", type=int, default=2000, help="of each simulated row [%(default)s]")
    parser.add_argument("--repeats", type=int, default=20, help="of the real suite and of each planted step [%(default)s]")
    parser.add_argument("--store", type=Path, default=default_store(ROOT), help="artifact store [%(default)s]")
    parser.add_argument("--to", type=Path, default=ROOT / "docs/selftest.md", help="[%(default)s]")
    return parser.parse_args()


def _worse_than_wanted(rates: Sequence[Rate], repeats: Repeats) -> Iterator[str]:
    for rate in rates:
        low, high = clopper_pearson(rate.count, rate.runs, CONFIDENCE)
        must = rate.injected in MUST_BE_FOUND or (rate.injected != "nothing" and rate.claim.startswith("memory"))
        if rate.injected == "nothing" and low > FALSE_ALARMS:
            yield f"worse than wanted: {rate.claim}: {100 * rate.share:.1f} % false alarms, at most {100 * FALSE_ALARMS:g} % wanted"
        if must and high < FOUND:
            yield f"worse than wanted: {rate.claim}, {rate.injected}: {100 * rate.share:.1f} % found, at least {100 * FOUND:g} % wanted"
    for claim in repeats.differing():
        yield f"worse than wanted: {claim}: not the same verdict in every repeat"


if __name__ == "__main__":
    sys.exit(main())
