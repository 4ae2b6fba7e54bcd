"""The application without a server, and whole servers with their workers, each on a database of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from pipeline import specs
from pipeline.profile import load_profile
from pipeline.service.app import PREFIX, make_app
from pipeline.service.schemas import FINAL
from pipeline.service.settings import Settings
from pipeline.store import Store
from tests.export.tiny_qwen3 import build

ROOT = Path(__file__).parents[2]
ORIGIN = "http://127.0.0.1"
EDGE = "import sys; from pipeline.cli import main; sys.exit(main(sys.argv[1:]))"


@contextmanager
def app_client(state: Path, **given: Any) -> Iterator[TestClient]:
    """A client of an application that has no worker: its jobs wait."""
    settings = Settings(state=state, **{"store": state / "store", "burst": 10_000, "rate": 1e6, **given})
    with TestClient(make_app(settings), base_url=ORIGIN, raise_server_exceptions=False) as client:
        client.base_url = client.base_url.join(PREFIX + "/")
        yield client


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with app_client(tmp_path / "state") as found:
        yield found


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with one small model, `tiny`."""
    root = tmp_path_factory.mktemp("models")
    build(root / "tiny")
    return root


@pytest.fixture(scope="session")
def stored(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which the reference profile's merged model is a tiny one, so that every recipe takes seconds."""
    store, profile = Store(tmp_path_factory.mktemp("service") / "store"), load_profile("reference")

    def copy(work: Any) -> None:
        shutil.copytree(models / "tiny", work.out, dirs_exist_ok=True)

    data = store.get(specs.data(profile))
    base = store.get(replace(specs.base(profile, data), build=copy))
    adapter = store.get(replace(specs.adapter(profile, base, data), build=lambda work: (work.out / "adapter").write_text("none")))
    store.get(replace(specs.merged(base, adapter), build=copy))
    store.close()
    return store.root


def until(condition: Callable[[], Any], seconds: float = 300) -> Any:
    """What the condition gives once that is true."""
    limit = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < limit, f"waited {seconds:g} s in vain"
        time.sleep(0.1)
    return found


@dataclass
class Running:
    """A process of ``edge api``; ``url`` of its routes, where it is a server."""

    process: subprocess.Popen[str]
    url: str = ""
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60, trust_env=False))

    def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return self.client.post(self.url + path, json=body, headers=headers)

    def get(self, path: str) -> Any:
        return self.client.get(self.url + path).json()["data"]

    def job(self, job_id: str) -> dict[str, Any]:
        return self.get(f"/jobs/{job_id}")

    def ended(self, job_id: str) -> dict[str, Any]:
        return until(lambda: (job := self.job(job_id))["state"] in FINAL and job)


@contextmanager
def edge_api(state: Path, *arguments: str, **environment: object) -> Iterator[Running]:
    """``edge api`` as its users have it, until the context ends."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "EDGE_API_STATE": str(state), "EDGE_API_PORT": "0",
           **{name: str(value) for name, value in environment.items()}}
    process = subprocess.Popen([sys.executable, "-c", EDGE, "api", *arguments], env=env, text=True, stdout=subprocess.PIPE)
    running = Running(process)
    try:
        if "--worker" not in arguments:
            assert process.stdout is not None
            running.url = process.stdout.readline().strip().rstrip("/") + PREFIX
        yield running
    finally:
        process.kill()
        process.communicate()


def workers_of(server: Running) -> list[int]:
    """The process ids of a server's children: its worker."""
    import psutil
    return [child.pid for child in psutil.Process(server.process.pid).children()]


def said(response: httpx.Response) -> str:
    return json.dumps(response.json(), ensure_ascii=False)
