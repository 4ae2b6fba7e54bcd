"""``python -m benchmarks.serving``: the served classifier under load, and beset by slow connections; prints a table."""

from __future__ import annotations

import argparse
import asyncio
from datetime import date
from pathlib import Path

from benchmarks.serving.clients import ask_all
from benchmarks.serving.server import serving
from benchmarks.serving.slow import flood
from pipeline.data.generate import generate
from pipeline.data.records import read_records
from pipeline.edge.classifier import Classifier
from pipeline.edge.server.chosen import choose
from pipeline.measure.host import describe_host
from pipeline.profile import load_profile
from pipeline.store import Store
from pipeline.store.place import default_store

ROOT = Path(__file__).resolve().parents[2]
CLIENTS, REAL = (1, 8, 64), 40


def main() -> None:
    options = _options()
    queries = _queries(options.work)
    expected = _expected(options.store, queries)
    host = describe_host()
    print(f"{host['cpu']}, {host['system']}, {date.today()}; {len(queries)} queries a row, clients in one process on the same machine\n")
    print("| clients | answers/s | P50 ms | P95 ms | asked | refused | lost | doubled | another's |\n|" + " --- |" * 9)
    with serving(options.store) as (url, process):
        asyncio.run(ask_all(url, queries[:50], expected, 1))
        for clients in CLIENTS:
            print(asyncio.run(ask_all(url, queries, expected, clients)).row(), flush=True)
        print(f"\n{options.slow} slow connections\n{flood(url, process, options.slow, queries[:REAL]).lines()}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description="the served endpoint under load")
    parser.add_argument("--store", type=Path, default=default_store(ROOT), help="artifact store [%(default)s]")
    parser.add_argument("--slow", type=int, default=10_000, help="slow connections [%(default)s]")
    parser.add_argument("--work", type=Path, default=ROOT / ".edge" / "serving", help="folder for the queries [%(default)s]")
    return parser.parse_args()


def _queries(work: Path) -> list[str]:
    sizes = load_profile("reference").data.model_dump(include={"seed", "train", "validation", "test", "challenge"})
    return [record.query for record in read_records(generate(work, **sizes)["challenge"])]


def _expected(store: Path, queries: list[str]) -> dict[str, float]:
    chosen = choose(Store(store), None, None, None)
    classifier = Classifier.open(chosen.model, chosen.decision, 1)
    return {query: classifier.decide(query).confidence for query in queries}


if __name__ == "__main__":
    main()
