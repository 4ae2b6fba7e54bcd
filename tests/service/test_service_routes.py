"""What the service answers, asked in-process with its real database; no worker, so every job waits."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from pipeline.service.schemas import Envelope, Job
from pipeline.service.worker import tail
from tests.service.conftest import ORIGIN, app_client

INT8 = {"recipe": "int8"}


def submit(client: TestClient, path: str = "quantize", body: object = None, **headers: str) -> httpx.Response:
    return client.post(path, json=body or INT8, headers=headers)


def test_a_job_is_accepted_and_told_in_the_envelope(client: TestClient) -> None:
    response = submit(client)
    assert response.status_code == 202 and response.json().keys() == {"status", "data", "message"}
    job = Envelope[Job].model_validate_json(response.content).data
    assert job.id.version == 4 and job.state == "queued" and job.kind == "quantize" and job.request == INT8
    assert job.created_at.utcoffset() == timedelta(0) and response.json()["data"]["created_at"].endswith("Z")
    assert abs(datetime.now(job.created_at.tzinfo) - job.created_at) < timedelta(minutes=1)
    assert client.get(ORIGIN + response.headers["location"]).json()["data"] == response.json()["data"]


@pytest.mark.parametrize(("path", "body"), [
    ("quantize", {"weights": [{"technique": "gptq", "settings": {"bits": 4}}], "graph": [{"technique": "pack"}]}),
    ("prune", {"steps": [{"technique": name} for name in ("depth", "heads", "channels", "magnitude", "wanda", "progressive")]}),
    ("prune", {"steps": [{"technique": "wanda", "settings": {"pattern": "2:4"}}], "heal": {"epochs": 1}, "graph": []}),
    ("distill", {"student": [{"technique": "channels", "settings": {"keep": 0.5}}], "settings": {"temperature": 3}}),
])
def test_each_kind_of_work_is_accepted(client: TestClient, path: str, body: object) -> None:
    job = submit(client, path, body).json()["data"]
    assert job["kind"] == path and job["request"] == body


@pytest.mark.parametrize(("path", "body", "where"), [
    ("quantize", {"recipe": "no-such"}, "recipe"),
    ("quantize", {}, "body"),
    ("quantize", {"recipe": "int8", "extra": 1}, "extra"),
    ("prune", {"steps": []}, "steps"),
    ("prune", {"steps": [{"technique": "int8"}]}, "steps.0"),
    ("prune", {"steps": [{"technique": "depth", "settings": {"keep": 1.5}}]}, "keep"),
    ("prune", {"steps": [{"technique": "depth", "settings": {"kep": 0.5}}]}, "kep"),
    ("distill", {"settings": {"epochs": -1}}, "epochs"),
    ("quantize", {"recipe": "int8", "name": "../x"}, "name"),
    ("quantize", {"recipe": "int8", "profile": "/etc/passwd"}, "profile"),
])
def test_a_mistake_is_told_with_its_field(client: TestClient, path: str, body: object, where: str) -> None:
    response = submit(client, path, body) if body else client.post(path, json={})
    assert response.status_code == 422 and response.headers["content-type"] == "application/problem+json"
    assert any(where in error["field"] for error in response.json()["errors"])


def test_settings_that_do_not_go_together_are_a_conflict(client: TestClient) -> None:
    response = submit(client, "prune", {"steps": [{"technique": "magnitude", "settings": {"sparsity": 0.3, "pattern": "2:4"}}]})
    assert response.status_code == 409 and response.json()["detail"] == (
        "expected a valid request, found body.steps.0.magnitude.settings: expected a sparsity of 0.5 with the pattern 2:4, found 0.3; "
        "correct it")


UNKNOWN = "11111111-1111-4111-8111-111111111111"  # drawn anew it would be another test in each worker


@pytest.mark.parametrize(("method", "path", "status", "says"), [
    ("GET", "nothing", 404, "expected a path of this service, found another; see /openapi.json"),
    ("PUT", "jobs", 405, "expected another method for this path; see /openapi.json"),
    ("GET", f"jobs/{UNKNOWN}", 404, "expected a job of this service, found none; see GET /api/v1/compression/jobs"),
    ("GET", f"jobs/{UNKNOWN}/events", 404, "expected a job of this service, found none; see GET /api/v1/compression/jobs"),
    ("POST", f"jobs/{UNKNOWN}/cancel", 404, "expected a job of this service, found none; see GET /api/v1/compression/jobs"),
    ("GET", "searches/none", 404, "expected a search with a front, found none of that name; see GET /api/v1/compression/searches"),
])
def test_every_error_is_a_problem_in_the_envelope(client: TestClient, method: str, path: str, status: int, says: str) -> None:
    response = client.request(method, path)
    body = response.json()
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert body["message"] == body["detail"] == says and body["status"] == "error" and body["data"] is None
    assert body["code"] == status and body["title"] and body["type"] == "about:blank"
    assert status != 405 or "GET" in response.headers["allow"]


@pytest.mark.parametrize("body", [b"{", b"[" * 60_000, b"\xff\xfe", b'{"recipe": NaN}', b'{"recipe": "\\ud800"}', b'{"a\\ud800": 1}',
                                  b'{"recipe": "int8", "name": "\\u0000"}'])
def test_a_broken_body_is_a_problem_too(client: TestClient, body: bytes) -> None:
    response = client.post("quantize", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in (400, 422) and response.json()["status"] == "error"


@pytest.mark.parametrize(("method", "path", "allowed"), [
    ("GET", "quantize", "POST"), ("OPTIONS", "distill", "POST"), ("DELETE", "models", "GET"), ("GET", f"jobs/{UNKNOWN}/cancel", "POST"),
    ("POST", f"{ORIGIN}/health", "GET")])
def test_a_wrong_method_is_told_the_right_one_and_the_page_is_there(client: TestClient, method: str, path: str, allowed: str) -> None:
    response = client.request(method, path)
    assert (response.status_code, response.headers["allow"]) == (405, allowed)
    assert client.get(f"{ORIGIN}/").text.startswith("<!doctype html>") and client.get(f"{ORIGIN}/api.js").status_code == 200


def test_a_mistake_of_ours_says_nothing_of_itself(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client.app.state.jobs, "page", lambda *_: 1 / 0)
    response = client.get("jobs")
    assert response.status_code == 500 and response.json()["message"] == (
        "expected an answer, found a mistake of this service; look into its log")
    assert "ZeroDivision" not in response.text


def test_the_list_gives_every_job_once_the_newest_first(client: TestClient) -> None:
    sent = [submit(client).json()["data"]["id"] for _ in range(7)]
    found, cursor = [], None
    for _ in range(4):
        page = client.get("jobs", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()["data"]
        found += [job["id"] for job in page["jobs"]]
        cursor = page["cursor"]
    assert cursor is None and sorted(found) == sorted(sent) and len(found) == 7
    assert [job["id"] for job in client.get("jobs", params={"state": "running"}).json()["data"]["jobs"]] == []


@pytest.mark.parametrize("cursor", ["x", "1", "-1.0", "9" * 400 + ".1", "1.2.3", "9999999999999.0", "0.999999"])
def test_a_cursor_of_ones_own_making_gives_nothing_or_a_problem(client: TestClient, cursor: str) -> None:
    submit(client)
    assert client.get("jobs", params={"cursor": cursor}).status_code in (200, 422)


def test_the_same_key_is_the_same_job(client: TestClient) -> None:
    first, again = (submit(client, **{"Idempotency-Key": "k1"}) for _ in range(2))
    assert first.json()["data"] == again.json()["data"] and again.json()["message"] == "this Idempotency-Key was sent before"
    assert uuid.UUID(first.json()["data"]["id"]).version == 4
    other = submit(client, body={"recipe": "int4"}, **{"Idempotency-Key": "k1"})
    assert other.status_code == 409 and "found another; choose a new key" in other.json()["detail"]
    assert submit(client, **{"Idempotency-Key": "k2"}).json()["data"]["id"] != first.json()["data"]["id"]
    assert len(client.get("jobs").json()["data"]["jobs"]) == 2


def test_a_waiting_job_is_cancelled_at_once(client: TestClient) -> None:
    job = submit(client).json()["data"]["id"]
    cancelled = client.post(f"jobs/{job}/cancel").json()["data"]
    assert cancelled["state"] == "cancelled" and cancelled["finished_at"]
    assert client.post(f"jobs/{job}/cancel").json()["data"]["state"] == "cancelled"
    events = client.get(f"jobs/{job}/events")
    assert events.headers["content-type"].startswith("text/event-stream")
    line, = (line for line in events.text.splitlines() if line.startswith("data: "))
    assert json.loads(line.removeprefix("data: ")) == cancelled


def test_no_more_jobs_wait_than_may(tmp_path: Path) -> None:
    with app_client(tmp_path / "state", waiting=2) as client:
        assert [submit(client).status_code for _ in range(3)] == [202, 202, 429]
        assert submit(client).json()["detail"] == "expected at most 2 waiting jobs, found as many; try again later"


def test_searches_are_their_fronts(tmp_path: Path) -> None:
    front = {"study": "a", "profile": "reference", "objectives": [], "points": [{"trial": 1, "on_front": True}, {"trial": 2}], "trials": 2}
    folder = tmp_path / "reports" / "search"
    for name, content in {"a": json.dumps(front), "broken": "{", "nan": '{"x": NaN}', "list": "[1]"}.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "front.json").write_text(content)
    (folder / "link").symlink_to(folder / "a")
    with app_client(tmp_path / "state", reports=tmp_path / "reports") as client:
        assert client.get("searches").json()["data"] == [{"study": "a", "profile": "reference", "trials": 2, "on_front": 1}]
        assert client.get("searches/a").json()["data"] == front
        assert [client.get(f"searches/{name}").status_code for name in ("broken", "nan", "list", "link", "..%2fa", "%2e%2e")] == [
            404, 404, 404, 404, 404, 422]


def test_health_and_metrics(client: TestClient) -> None:
    submit(client)
    assert client.get(f"{ORIGIN}/health").json()["data"] == {"database": True, "workers": 0}
    assert 'edge_jobs{kind="quantize",state="queued"} 1.0' in client.get(f"{ORIGIN}/metrics").text


def test_a_log_is_told_from_its_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * 5000 + "末\x00尾".encode())
    assert tail(log, 100).endswith("末�尾") and len(tail(log, 100).encode()) <= 104 and tail(tmp_path / "none", 9) == ""


def test_metrics_show_what_has_drifted(tmp_path: Path) -> None:
    (tmp_path / "reports" / "drift").mkdir(parents=True)
    with app_client(tmp_path / "state", reports=tmp_path / "reports") as client:
        assert "edge_drift_alarms{" not in client.get(f"{ORIGIN}/metrics").text
        (tmp_path / "reports" / "drift" / "intent.json").write_text('{"at": 1, "decisions": 9, "alarms": {"latency": 2}}')
        assert 'edge_drift_alarms{model="intent",stream="latency"} 2.0' in client.get(f"{ORIGIN}/metrics").text
