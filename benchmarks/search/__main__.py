"""``python -m benchmarks.search table|replay|supernet``: what the parts of the search are worth."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

from benchmarks.search.table import TABLE, measure, read_table
from pipeline.errors import EdgeError
from pipeline.measure.host import describe_host
from pipeline.store.place import default_store

ROOT = Path(__file__).parents[2]
SAMPLERS = ("tpe", "nsga2", "nsga3", "evolution", "controller")


def main() -> int:
    options = _options()
    try:
        return int(options.run(options) or 0)
    except (EdgeError, LookupError) as error:
        print(f"benchmarks.search: {error}", file=sys.stderr)
        return 2


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description="what the parts of the search are worth")
    parts = parser.add_subparsers(required=True)
    made = parts.add_parser("table", help="measure every point of benchmarks/search/space.yaml; goes on where it was stopped")
    made.add_argument("--database", type=Path, default=Path(".edge/benchmark.db"), help="of the trials so far [%(default)s]")
    made.add_argument("--to", type=Path, default=TABLE, help="[%(default)s]")
    made.set_defaults(run=lambda options: measure(options.store, options.database, options.to))
    again = parts.add_parser("replay", help="samplers on the table, beside random")
    again.add_argument("--samplers", nargs="+", default=SAMPLERS, help="[%(default)s]")
    again.add_argument("--seeds", type=_at_least(1), default=20, help="[%(default)s]")
    again.add_argument("--first", type=int, default=0, help="the first seed [%(default)s]")
    again.add_argument("--trials", type=_at_least(1), nargs="+", default=[15, 30], help="budgets [%(default)s]")
    again.add_argument("--table", type=Path, default=TABLE, help="[%(default)s]")
    again.set_defaults(run=_replay)
    net = parts.add_parser("supernet", help="whether a supernet ranks choices of layers as healing each alone does; minutes")
    net.add_argument("--layers", type=_at_least(1), nargs="+", default=[3, 5], help="how many are kept [%(default)s]")
    net.add_argument("--choices", type=_at_least(2), default=20, help="of each number, drawn at random [%(default)s]")
    net.add_argument("--epochs", type=float, default=2.0, help="of the supernet and of every healing; fewer to try it out [%(default)s]")
    net.add_argument("--transfer", type=_at_least(0), default=3000, help="texts beside the training queries, likewise [%(default)s]")
    net.set_defaults(run=_supernet)
    for part in (made, net):
        part.add_argument("--store", type=Path, default=default_store(ROOT), help="artifact store [%(default)s]")
    return parser.parse_args()


def _at_least(least: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if (value := int(text)) < least:
            raise argparse.ArgumentTypeError(f"expected at least {least}, found {value}")
        return value
    return read


def _replay(options: argparse.Namespace) -> None:
    from benchmarks.search.replay import replay, table
    found = read_table(options.table)
    seeds = range(options.first, options.first + options.seeds)
    print(f"{len(found.rows)} points, seeds {seeds[0]} to {seeds[-1]}\n")
    print(table(replay(found, options.samplers, seeds, sorted(options.trials))))


def _supernet(options: argparse.Namespace) -> None:
    from benchmarks.search.supernet import Lab, picks, ranks, table
    from pipeline.compress.sources import builder, merged_and_data
    from pipeline.profile import load_profile
    build, profile = builder(options.store, ""), load_profile("reference")
    host = describe_host()
    print(f"{host['cpu']}, {host['system']}, {date.today()}\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        training = {"epochs": options.epochs, "transfer": options.transfer}
        lab = Lab(build, profile, *merged_and_data(build, profile), Path(folder), training)
        for layers in options.layers:
            print(table(ranks(lab, layers, options.choices)), end="\n\n", flush=True)
            print(table(picks(lab, layers)), end="\n\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
