"""Workers as tasks of Ray, one core each: on the cluster at an address, else on a Ray of this machine that ends with the command.

The nodes need this project and its extras `search` and `ray`, a study on a database that all of them reach, and a store URL: a path of
this machine says nothing on another.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from pipeline.errors import EdgeError
from pipeline.search.engines import environment, first_number
from pipeline.search.engines.crew import REFUSED, End, supervise
from pipeline.search.engines.watch import watching
from pipeline.search.work import Budget
from pipeline.search.worker import WorkerCommand

ADDRESS = "RAY_ADDRESS"  # Ray's own variable


def run(command: WorkerCommand, workers: int, until: Budget, address: str = "") -> None:
    """Start ``workers`` tasks and return when the budget is spent.

    address: of a running cluster of which this machine is a node, such as HOST:6379; "" takes $RAY_ADDRESS, or starts a Ray here.
    EdgeError as `supervise` says, without Ray, for an address where none answers, for a SQLite file or a store without URL on a
    cluster, and for more workers than it has cores: one that waits for a core would begin when the others have spent the budget.
    """
    try:
        import ray
    except ModuleNotFoundError:
        raise EdgeError("--engine ray: expected Ray to be installed, found none; pip install -c constraints.txt '.[ray]', or take "
                        "--engine local") from None
    address = address or os.environ.get(ADDRESS, "")
    if address:
        _check_shared(command, address)
    _connect(address, workers)
    try:
        if (cores := int(ray.cluster_resources().get("CPU", 0))) < workers:
            raise EdgeError(f"--workers: expected at most {cores}, the cores of the cluster at {address}, found {workers}; give fewer, or "
                            "add nodes")
        task = ray.remote(num_cpus=1, max_retries=0)(_work)
        with watching(command.plan, until) as look:
            supervise(lambda number, left: Task(task.remote(command.argv(number, left)[1:], environment(command))), workers, until,
                      first_number(command.plan.study_url), look)
    finally:
        ray.shutdown()


def _connect(address: str, workers: int) -> None:
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else Ray reports to its makers
    try:
        if address:
            _knock(address)
            ray.init(address=address, log_to_driver=False, logging_level="error")
        else:
            cores = max(workers, os.cpu_count() or 1)
            ray.init("local", num_cpus=cores, include_dashboard=False, log_to_driver=False, logging_level="error")
    except Exception as error:  # a node that does not start in time is a bare Exception
        reason = " ".join(str(error).split())
        if not address:
            raise EdgeError(f"--engine ray: expected a Ray of this machine to start, found none: {reason:.200}; try again when it is "
                            "less busy, or take --engine local") from None
        raise EdgeError(f"--ray-address {address}: expected a cluster of Ray at HOST:PORT, found none: {reason:.200}; start it (ray start "
                        "--head), or leave the address out") from None


def _knock(address: str) -> None:
    """OSError or ValueError unless somebody listens there: Ray itself waits for minutes."""
    host, _, port = address.rpartition(":")
    if address != "auto":
        socket.create_connection((host, int(port)), timeout=10).close()


def _check_shared(command: WorkerCommand, address: str) -> None:
    if command.plan.study_url.startswith("sqlite:") or not command.plan.store_url:
        raise EdgeError(f"--ray-address {address}: expected a study and a store that every node reaches, found a file of this machine; "
                        "give --study-url postgresql+psycopg://… and --store-url, or leave the address out")


def _work(arguments: list[str], env: dict[str, str]) -> tuple[int, str]:
    """On the node: a worker process, which dies with this one.  Its exit code and last words."""
    from pipeline.process import run as run_program

    with tempfile.TemporaryDirectory(prefix="edge-search-") as folder:
        log = Path(folder) / "worker.log"
        try:
            run_program([sys.executable, *arguments], env=env, log=log)
        except EdgeError as error:
            said = [line for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
            refused = f"(exit code {REFUSED})" in str(error)
            return (REFUSED, said[-1]) if refused and said else (1, str(error).partition("; see ")[0])
    return 0, ""


class Task:
    """A worker somewhere in the cluster."""

    def __init__(self, reference: Any) -> None:
        self._reference = reference

    def end(self) -> End | None:
        import ray

        if not ray.wait([self._reference], timeout=0)[0]:
            return None
        try:
            return End(*ray.get(self._reference))
        except ray.exceptions.RayError as error:  # the task's process or its node is gone
            return End(-9, f"{type(error).__name__}: {' '.join(str(error).split()):.200}")

    def kill(self) -> None:
        import ray

        ray.cancel(self._reference, force=True)
        ray.wait([self._reference], timeout=10)
