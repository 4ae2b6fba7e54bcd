"""``python -m benchmarks.service``: jobs queued by many clients at once on a real server and its worker; prints a table."""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from benchmarks.service.clients import load
from pipeline.measure.host import describe_host
from pipeline.service.app import PREFIX
from pipeline.store.place import default_store

ROOT = Path(__file__).resolve().parents[2]
EDGE = "import sys; from pipeline.cli import main; sys.exit(main(sys.argv[1:]))"
RECIPE = {"recipe": "int8"}  # after the first job its artifacts are there: what is measured is the service


@contextmanager
def service(store: Path, database: str = "") -> Iterator[str]:
    """The URL of a server with one worker, on a database of its own."""
    with tempfile.TemporaryDirectory() as state:
        limits = {"EDGE_API_RATE": "1000000", "EDGE_API_BURST": "1000000", "EDGE_API_PORT": "0", "EDGE_API_STATE": state}
        env = {**os.environ, "PYTHONPATH": str(ROOT), "EDGE_STORE": str(store), "EDGE_API_DATABASE_URL": database, **limits}
        with subprocess.Popen([sys.executable, "-c", EDGE, "api"], env=env, text=True, stdout=subprocess.PIPE) as server:
            try:
                assert server.stdout is not None
                yield server.stdout.readline().strip().rstrip("/") + PREFIX
            finally:
                server.terminate()


def main() -> None:
    options = _options()
    host = describe_host()
    print(f"{host['cpu']}, {host['system']}, {date.today()}; clients in one process on the same machine\n")
    print("| clients | jobs | refused | lost | doubled | POST P50 ms | P95 | GET P50 ms | P95 | jobs/s |\n|" + " --- |" * 10)
    with service(options.store, options.database) as url:
        asyncio.run(load(url, RECIPE, 1, 1))
        for clients in options.clients:
            print((outcome := asyncio.run(load(url, RECIPE, options.jobs, clients))).row(), flush=True)
            for problem, count in outcome.problems.items():
                print(f"{count} times {problem}", file=sys.stderr)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description="the service of compression under load")
    parser.add_argument("--store", type=Path, default=default_store(ROOT), help="artifact store of the reference profile [%(default)s]")
    parser.add_argument("--jobs", type=int, default=1000, help="a round [%(default)s]")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16], help="of each round [%(default)s]")
    parser.add_argument("--database", default="", help="its URL [an SQLite file]")
    return parser.parse_args()


if __name__ == "__main__":
    main()
