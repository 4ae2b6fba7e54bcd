"""Prints both tables; exit code 1 where there are more false alarms than stated, shown at 99 %."""

from __future__ import annotations

import argparse
import sys

import numpy as np
from scipy.stats import poisson

from benchmarks.drift.simulate import World, delay, false_alarms
from pipeline.monitor.drift import EVERY, RATE
from pipeline.progress import track

UNCHANGED = {"independent": World(), "latency correlated .5": World(burst=0.5), "latency correlated .9": World(burst=0.9)}
SHIFTS = {
    "latency +10 %": World(faster=1.1), "latency +20 %": World(faster=1.2), "latency +50 %": World(faster=1.5),
    "slow decisions 2 % -> 10 %": World(slow=0.1), "slow decisions 2 % -> 20 %": World(slow=0.2),
    "confidence .90 -> .88": World(sure=7.3), "confidence .90 -> .83": World(sure=5.0), "confidence .90 -> .75": World(sure=3.0),
    "weather 28 % -> 33 %": World(weather=0.08), "weather 28 % -> 44 %": World(weather=0.29), "weather 28 % -> 60 %": World(weather=0.8),
}
MOST = 8192  # decisions in which a change should be seen


def main() -> int:
    options = _options()
    dice, stated = np.random.default_rng(options.seed), options.rate
    print(f"\nreference of {options.reference:,} decisions, {stated:g} false alarms stated in {EVERY:,}\n")
    print("| nothing changed | decisions | false alarms | in 100,000 |\n| --- | --- | --- | --- |")
    bad = False
    for name, world in UNCHANGED.items():
        with track(name, options.runs) as progress:
            found = 0
            for _ in range(options.runs):
                found += false_alarms(world, EVERY, options.reference, stated, dice)
                progress.advance()
        print(f"| {name} | {options.runs * EVERY:,} | {found} | {found / options.runs:.2f} |", flush=True)
        bad |= name == "independent" and poisson.sf(found - 1, stated * options.runs) < 0.01
    print(f"\n| planted | seen within {MOST:,} | decisions until the alarm, median | 95 % within |\n| --- | --- | --- | --- |")
    for name, world in SHIFTS.items():
        delays = [delay(world, MOST, options.reference, stated, dice) for _ in range(options.delays)]
        seen = [one if one is not None else np.inf for one in delays]
        late = np.quantile(seen, 0.95, method="higher")
        print(f"| {name} | {np.isfinite(seen).mean():.0%} | {_count(np.median(seen))} | {_count(late)} |", flush=True)
    return int(bad)


def _count(value: float) -> str:
    return f"{value:,.0f}" if np.isfinite(value) else "-"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift", description="false alarms and delays of `edge monitor`")
    parser.add_argument("--runs", type=int, default=20, help="of 100,000 decisions each [%(default)s]")
    parser.add_argument("--delays", type=int, default=100, help="of each planted change [%(default)s]")
    parser.add_argument("--reference", type=int, default=2000, help="decisions in the reference window [%(default)s]")
    parser.add_argument("--rate", type=float, default=RATE, help="false alarms stated in 100,000 decisions [%(default)s]")
    parser.add_argument("--seed", type=int, default=20260101)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
