"""Whatever a request names leads below an allowed root, or nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from pipeline.service.problems import Refusal
from pipeline.service.roots import allowed_model
from pipeline.service.settings import Settings
from tests.models import tiny_model
from tests.service.conftest import app_client


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with one model and ways out of it, and a model outside."""
    home = tmp_path_factory.mktemp("roots")
    (root := home / "root").mkdir()
    tiny_model(root / "good")
    tiny_model(home / "secret")
    (root / "out").symlink_to(home / "secret")
    (root / "up").symlink_to("..")
    (root / "in").symlink_to("good")
    (root / "round").symlink_to("round")
    (root / "empty").mkdir()
    (home / "root2").mkdir()
    tiny_model(home / "root2" / "near")
    return home


def settings(place: Path, **given: object) -> Settings:
    return Settings(state=place / "state", model_roots=(place / "root",), **given)


def test_a_model_below_a_root_is_found_however_it_is_written(place: Path) -> None:
    good = str((place / "root" / "good").resolve())
    assert [allowed_model(name, settings(place)) for name in ("good", "./good", "in", "empty/../good", good)] == [good] * 5


@pytest.mark.parametrize("name", [
    "../secret", "out", "up/secret", "good/../../secret", "round", "empty", ".", "", "..", "/etc", "//etc", "~", "$HOME", "good\x00",
    "a" * 5000, "../root2/near", "good/config.json", "\\\\server\\share",
    "\ud800", "http://127.0.0.1/x", "file:///etc/passwd", "Qwen/Qwen3-0.6B"])
def test_anything_else_is_not_found_and_in_the_same_words(place: Path, name: str) -> None:
    with pytest.raises(Refusal) as refused:
        allowed_model(name, settings(place))
    assert refused.value.status_code == 404 and refused.value.detail == (
        "expected a model directory below one of the model roots (root), found none of that name; name one of these")


@given(st.lists(st.sampled_from([
    "..", ".", "root", "secret", "good", "out", "up", "in", "root2", "near", "", "/", "empty", "round"]), max_size=8))
def test_no_path_of_such_parts_leads_out(place: Path, parts: list[str]) -> None:
    try:
        found = Path(allowed_model("/".join(parts), settings(place)))
    except Refusal:
        return
    assert found == place / "root" / "good"


def test_a_hub_is_asked_only_where_that_is_allowed(place: Path) -> None:
    assert allowed_model("Qwen/Qwen3-0.6B", settings(place, hub=True)) == "Qwen/Qwen3-0.6B"
    for name in ("../x", "a/..", "http://x/y", "a/b/c"):
        with pytest.raises(Refusal):
            allowed_model(name, settings(place, hub=True))


def test_the_routes_ask_it(place: Path, tmp_path: Path) -> None:
    def status(client: TestClient, **body: str) -> int:
        return client.post("quantize", json=body).status_code

    with app_client(tmp_path / "state", model_roots=(place / "root",)) as client:
        assert status(client, method="int4-rtn", model="good") == 202
        assert status(client, method="int4-rtn", model="../secret") == 404
        assert status(client, recipe="int8", profile="qwen3-0.6b", model="good") == 202
        assert status(client, recipe="int8", profile="qwen3-0.6b", model="../secret") == 404
        hub = client.post("quantize", json={"recipe": "int8", "profile": "qwen3-0.6b"})
        assert hub.status_code == 409 and "expected a model with the profile qwen3-0.6b, whose own is a hub's, found none" in hub.text
        conflict = client.post("quantize", json={"recipe": "int8", "model": "good"})
        assert conflict.status_code == 409 and "expected a profile with a pretrained base, found reference" in conflict.json()["detail"]
