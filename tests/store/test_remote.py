"""A store shared over fsspec: built here, used there, never trusted unseen."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import EdgeError
from pipeline.store import Spec, Store
from pipeline.store.manifest import render


@pytest.fixture
def url(tmp_path: Path) -> str:
    return (tmp_path / "remote").as_uri()


@pytest.fixture
def pushed(tmp_path: Path, url: str, spec: Spec) -> Path:
    """The remote folder of an artifact that another store built."""
    return tmp_path / "remote" / Store(tmp_path / "gpu-box", url).get(spec).key


def test_built_there_used_here(tmp_path: Path, url: str, spec: Spec, pushed: Path) -> None:
    here = Store(tmp_path / "mac", url)
    artifact = here.get(spec)
    assert spec.build.runs == 1
    assert {name: artifact.file(name).read_bytes() for name in artifact.manifest["files"]} == spec.build.files
    here.verify(artifact.key)
    assert not [path for path in pushed.parent.rglob("*") if path.name.endswith(".part")]


def test_a_flipped_byte_on_the_remote_is_refused(
    tmp_path: Path, url: str, spec: Spec, pushed: Path, leftovers: Callable[[Store], list[str]]
) -> None:
    weights = next(pushed.rglob("weights.bin"))
    weights.write_bytes(b"\x01" + weights.read_bytes()[1:])
    here = Store(tmp_path / "mac", url)
    with pytest.raises(EdgeError, match=rf"{pushed.name}.*weights\.bin.*refused"):
        here.get(spec)
    assert leftovers(here) == []


@pytest.mark.parametrize("harm", ["longer", "shorter", "missing"])
def test_other_damage_on_the_remote(harm: str, tmp_path: Path, url: str, spec: Spec, pushed: Path) -> None:
    weights = next(pushed.rglob("weights.bin"))
    data = weights.read_bytes()
    if harm == "missing":
        weights.unlink()
    else:
        weights.write_bytes(data + b"0" if harm == "longer" else data[:-1])
    with pytest.raises(EdgeError, match=r"weights\.bin.*refused"):
        Store(tmp_path / "mac", url).get(spec)


def test_without_its_manifest_it_does_not_exist(tmp_path: Path, url: str, spec: Spec, pushed: Path) -> None:
    (pushed / "manifest.json").unlink()
    Store(tmp_path / "mac", url).get(spec)
    assert spec.build.runs == 2 and (pushed / "manifest.json").exists()


def forge(pushed: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """A correctly sealed manifest with other content, as an attacker would write it."""
    manifest = json.loads((pushed / "manifest.json").read_bytes())
    folder = pushed / manifest["seal"][:32]
    change(manifest)
    (pushed / "manifest.json").write_bytes(render(manifest))
    folder.rename(pushed / json.loads(render(manifest))["seal"][:32])


EVIL = b"evil"
ENTRY = {"sha256": hashlib.sha256(EVIL).hexdigest(), "bytes": len(EVIL)}
HOSTILE = ["../evil", "../../objects/evil", "/tmp/evil", "a/../../evil", "..\\evil", "C:evil", "./evil", "a//b", ""]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_path_is_refused(
    name: str, tmp_path: Path, url: str, spec: Spec, pushed: Path, leftovers: Callable[[Store], list[str]]
) -> None:
    forge(pushed, lambda manifest: manifest["files"].update({name: ENTRY}))
    here = Store(tmp_path / "mac", url)
    before = [here.root, *tmp_path.rglob("*")]
    with pytest.raises(EdgeError, match="expected a relative file path inside the artifact"):
        here.get(spec)
    assert [path for path in sorted(tmp_path.rglob("*")) if path not in before and "locks" not in path.parts] == []


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest.update(kind="other"),
        lambda manifest: manifest["config"].update(layers=9),
        lambda manifest: manifest.update(key="0" * 64),
        lambda manifest: manifest.update(files={}),
        lambda manifest: manifest["files"]["weights.bin"].update(bytes="many"),
        lambda manifest: manifest["files"]["weights.bin"].update(sha256="../../x"),
    ],
)
def test_a_forged_manifest_is_refused(
    change: Callable[[dict[str, Any]], None], tmp_path: Path, url: str, spec: Spec, pushed: Path
) -> None:
    forge(pushed, change)
    with pytest.raises(EdgeError, match=r"manifest\.json"):
        Store(tmp_path / "mac", url).get(spec)


@pytest.mark.parametrize("data", [b"", b"not json", b"[]", b"{}", b'{"files": 1}', b"[" * 100_000])
def test_a_broken_manifest_is_refused(data: bytes, tmp_path: Path, url: str, spec: Spec, pushed: Path) -> None:
    (pushed / "manifest.json").write_bytes(data)
    with pytest.raises(EdgeError, match=r"manifest\.json"):
        Store(tmp_path / "mac", url).get(spec)


def test_an_unreachable_remote_is_told_once(tmp_path: Path, spec: Spec, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("not a folder")
    store = Store(tmp_path / "store", (tmp_path / "file" / "remote").as_uri())
    store.get(spec)
    store.get(Spec("base", spec.build, {"layers": 3}))
    assert spec.build.runs == 2
    assert capsys.readouterr().err.count("warning") == 1


def test_a_remote_that_fails_midway(
    tmp_path: Path, url: str, spec: Spec, pushed: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    here = Store(tmp_path / "mac", url)

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("connection reset")

    monkeypatch.setattr(here.remote._fs, "open", refuse)
    assert here.get(spec).size > 0 and spec.build.runs == 2
    assert "connection reset" in capsys.readouterr().err


def test_push_by_hand_and_twice(tmp_path: Path, url: str, spec: Spec, store: Store) -> None:
    artifact = store.get(spec)
    with pytest.raises(EdgeError, match="remote URL"):
        store.push(artifact.key)
    assert [Store(store.root, url).push(artifact.key[:10]) for _ in range(2)] == [True, False]
    shutil.rmtree(store.root)
    assert Store(store.root, url).get(spec) == artifact and spec.build.runs == 1


def test_a_push_by_hand_that_fails_is_an_error(tmp_path: Path, spec: Spec, store: Store) -> None:
    key = store.get(spec).key
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(EdgeError, match=r"file/remote.*Not a directory"):
        Store(store.root, (tmp_path / "file" / "remote").as_uri()).push(key)


@pytest.mark.parametrize("bad", ["nosuchprotocol://bucket/x"])
def test_a_url_of_no_kind(bad: str, tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match="nosuchprotocol"):
        Store(tmp_path / "store", bad)


def test_an_object_store_without_rename(tmp_path: Path, spec: Spec) -> None:
    url = f"memory://{tmp_path.name}"
    Store(tmp_path / "one", url).get(spec)
    assert Store(tmp_path / "two", url).get(spec).size > 0 and spec.build.runs == 1
