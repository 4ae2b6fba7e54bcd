"""Whatever happens to a stored artifact is found before use and named."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import EdgeError
from pipeline.store import Artifact, DamagedError, Spec, Store


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    path.write_bytes(data)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def link(path: Path) -> None:
    away = path.parent.parent.parent / "away"
    path.rename(away)
    path.symlink_to(away)


def add(path: Path) -> None:
    path.with_name("extra.bin").write_text("x")


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (lambda path: flip(path, 77), r"weights\.bin has changed"),
        (truncate, r"weights\.bin has 2047 bytes instead of 2048"),
        (Path.unlink, r"weights\.bin is missing"),
        (add, r"extra\.bin is extra"),
        (link, r"weights\.bin"),
    ],
)
@pytest.mark.parametrize("use", ["get", "open", "verify"])
def test_damage_is_named(harm: Callable[[Path], None], named: str, use: str, store: Store, spec: Spec) -> None:
    artifact = store.get(spec)
    harm(artifact.file("weights.bin"))
    attempt = {"get": lambda: Store(store.root).get(spec), "open": lambda: store.open(artifact.key),
               "verify": lambda: store.verify(artifact.key)}[use]  # fmt: skip
    with pytest.raises(EdgeError, match=named) as caught:
        attempt()
    assert artifact.key[:12] in str(caught.value) and "edge artifacts remove" in str(caught.value)
    assert spec.build.runs == 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_bit_is_found(data: st.DataObject, store: Store, spec: Spec) -> None:
    artifact = store.get(spec)
    home = artifact.path.parent
    path = data.draw(st.sampled_from([home / "manifest.json", *(artifact.file(name) for name in spec.build.files)]))
    intact = path.read_bytes()
    flip(path, data.draw(st.integers(0, len(intact) * 8 - 1)))
    with pytest.raises(EdgeError, match=path.name):
        store.verify(artifact.key)
    path.write_bytes(intact)
    store.verify(artifact.key)


def test_a_change_that_keeps_size_and_time_is_found_by_verify(store: Store, spec: Spec) -> None:
    path = store.get(spec).file("weights.bin")
    before = path.stat()
    flip(path, 5)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(EdgeError, match=r"weights\.bin has changed"):
        store.verify(store.key(spec))


def test_a_file_that_may_not_be_read(ordinary_user: Path, spec: Spec) -> None:
    store = Store(ordinary_user / "store")
    artifact = store.get(spec)
    artifact.file("weights.bin").chmod(0)
    with pytest.raises(DamagedError, match=r"weights\.bin: Permission denied"):
        store.verify(artifact.key)


def test_a_lost_manifest(store: Store, spec: Spec) -> None:
    artifact = store.get(spec)
    (artifact.path.parent / "manifest.json").unlink()
    with pytest.raises(EdgeError, match=r"manifest\.json"):
        store.get(spec)
    assert [found.kind for found in store.list()] == ["damaged"]
    store.remove(artifact.key[:12])
    assert store.get(spec) == artifact and spec.build.runs == 2


def test_another_artifact_under_the_key(store: Store, spec: Spec) -> None:
    one = store.get(spec)
    two = store.get(Spec("base", spec.build, {"layers": 3}))
    for part in ("files/weights.bin", "files/sub/config.json", "manifest.json"):
        (one.path.parent / part).write_bytes((two.path.parent / part).read_bytes())
    with pytest.raises(EdgeError, match=one.key[:12]):
        store.open(one.key)


def test_removed_and_made_anew(store: Store, spec: Spec) -> None:
    artifact = store.get(spec)
    flip(artifact.file("weights.bin"), 1)
    store.remove(artifact.key)
    again: Artifact = store.get(spec)
    assert again.file("weights.bin").read_bytes() == spec.build.files["weights.bin"]


@pytest.mark.parametrize(("key", "message"), [("abc", "8 to 64"), ("../../etc", "8 to 64"), ("0" * 12, "found none")])
def test_a_key_that_is_none(key: str, message: str, store: Store) -> None:
    with pytest.raises(EdgeError, match=message):
        store.open(key)
