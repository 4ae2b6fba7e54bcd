"""Who may ask, from where, how often, and how much."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cli import main
from pipeline.errors import EdgeError
from pipeline.service.access import ANYBODY
from pipeline.service.rate import Rate
from pipeline.service.tokens import SCOPES, Tokens
from tests.service.conftest import ORIGIN, app_client

ROUTES = [("GET", "jobs", "read"), ("POST", "quantize", "submit"), ("POST", "models/m/deploy", "deploy"), ("GET", "searches", "read"),
          ("POST", "models/m/rollback", "deploy"), ("GET", f"{ORIGIN}/metrics", "read"), ("GET", "models", "read")]


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path / "state" / "tokens.json")


@pytest.fixture
def guarded(tokens: Tokens, tmp_path: Path) -> Iterator[tuple[TestClient, dict[str, str]]]:
    """A service with a token of each scope."""
    made = {scope: tokens.add(scope, [scope]) for scope in SCOPES}
    with app_client(tmp_path / "state") as client:
        yield client, made


def test_a_token_is_kept_as_a_hash_and_shown_once(tokens: Tokens, tmp_path: Path) -> None:
    token = tokens.add("ci", ["read", "submit"])
    file = tmp_path / "state" / "tokens.json"
    assert token not in file.read_text() and stat.S_IMODE(file.stat().st_mode) == 0o600 and len(token) > 43
    found = Tokens(file).holder(token)
    assert found and found.name == "ci" and found.scopes == {"read", "submit"}
    assert tokens.holder(token[:-1]) is None and tokens.holder("") is None and tokens.holder("ÿ\ud800") is None
    with pytest.raises(EdgeError, match="expected a new name, found it taken"):
        tokens.add("ci", ["read"])
    with pytest.raises(EdgeError, match="expected scopes of read, submit, deploy, found root; name one"):
        tokens.add("x", ["root"])
    with pytest.raises(EdgeError, match="expected a name of at most 64"):
        tokens.add("../x", ["read"])


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
def test_each_route_needs_its_scope(guarded: tuple[TestClient, dict[str, str]], method: str, path: str, scope: str) -> None:
    client, made = guarded
    body = {"recipe": "int8"} if path == "quantize" else {"version": 1} if path.endswith("deploy") else None
    for name, token in made.items():
        status = client.request(method, path, json=body, headers={"Authorization": f"Bearer {token}"}).status_code
        assert (status == 403) == (name != scope) and status not in (401, 500)
    for header in ("", "Bearer", "Bearer x", f"Basic {made[scope]}", f"Bearer {made[scope]}x"):
        response = client.request(method, path, json=body, headers={"Authorization": header} if header else {})
        assert response.status_code == 401 and response.headers["www-authenticate"] == "Bearer"
        assert made[scope] not in response.text


def test_a_removed_token_is_refused_at_once_and_nothing_opens(guarded: tuple[TestClient, dict[str, str]], tokens: Tokens) -> None:
    client, made = guarded
    tokens.remove("read")
    assert client.get("jobs", headers={"Authorization": f"Bearer {made['read']}"}).status_code == 401


def test_where_others_connect_no_token_opens_nothing(tmp_path: Path) -> None:
    with app_client(tmp_path / "state", host="0.0.0.0") as client:
        assert client.get("jobs").status_code == 401 and client.get(f"{ORIGIN}/health").status_code == 200


def test_a_damaged_token_file_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with app_client(tmp_path / "state") as client:
        for content in ("", "{", "[]", '{"a": 1}', '{"a": {"sha256": ""}}'):
            (tmp_path / "state" / "tokens.json").write_text(content)
            assert client.get("jobs").status_code == 503


def test_serving_others_without_a_token_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("EDGE_API_STATE", str(tmp_path))
    assert main(["api", "--host", "0.0.0.0"]) == 2
    assert capsys.readouterr().err == ("edge: --host 0.0.0.0: expected a token where others can connect, found none; make one with edge "
                                       "api token add, or use 127.0.0.1\n")


def test_tokens_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("EDGE_API_STATE", str(tmp_path))
    assert main(["api", "token", "add", "ci", "--scope", "read", "--scope", "submit"]) == 0
    token = capsys.readouterr().out.strip()
    assert main(["api", "token", "list"]) == 0
    assert token.startswith("edge_") and (listed := capsys.readouterr().out).split()[:2] == ["ci", "read,submit"] and token not in listed
    assert main(["api", "token", "remove", "ci"]) == 0 and json.loads((tmp_path / "tokens.json").read_text()) == {}
    assert main(["api", "token", "remove", "ci"]) == 2
    assert "token ci: expected one of none, found no such token" in capsys.readouterr().err


def test_a_page_of_another_origin_changes_nothing(client: TestClient) -> None:
    for origin, status in {"http://evil.example": 403, "null": 403, "http://127.0.0.1": 202, "http://[": 403}.items():
        assert client.post("quantize", json={"recipe": "int8"}, headers={"Origin": origin}).status_code == status
    for host, status in {"evil.example": 400, "127.0.0.1.evil.example": 400, "": 400, "localhost:8080": 200, "[::1]:80": 200}.items():
        response = client.get("jobs", headers={"Host": host})
        assert response.status_code == status and response.json()["status"] in ("success", "error")


def test_a_long_body_is_refused(client: TestClient) -> None:
    response = client.post("quantize", content=b" " * 70_000, headers={"Content-Type": "application/json"})
    assert response.status_code == 413 and response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"] == "expected a body of at most 65536 bytes, found more; shorten it"


def test_who_asks_too_often_waits(tmp_path: Path) -> None:
    with app_client(tmp_path / "state", burst=3, rate=1) as client:
        found = [client.get("jobs") for _ in range(4)]
        assert [response.status_code for response in found] == [200, 200, 200, 429]
        assert 0 < int(found[3].headers["retry-after"]) <= 60 and found[3].json()["status"] == "error"


@given(st.lists(st.tuples(st.floats(0, 3), st.sampled_from("ab")), max_size=60), st.floats(0.1, 600), st.integers(1, 5))
def test_no_name_gets_more_than_burst_and_rate_allow(asked: list[tuple[float, str]], per_minute: float, burst: int) -> None:
    """The gaps between requests are in refills of one."""
    now, given_at = 0.0, dict[str, list[float]](a=[], b=[])
    rate = Rate(per_minute, burst, clock=lambda: now)
    for gap, name in asked:
        now += gap * 60 / per_minute
        wait = rate.wait(name)
        if not wait:
            given_at[name].append(now)
        else:
            assert wait <= 60 / per_minute + 1e-6
    for times in given_at.values():
        for start in range(len(times)):
            for end in range(start, len(times)):
                assert end - start + 1 <= burst + (times[end] - times[start]) * per_minute / 60 + 1e-6


def test_alone_on_this_machine_one_may_do_all(client: TestClient) -> None:
    assert ANYBODY.scopes == set(SCOPES) and client.get("jobs").status_code == 200
