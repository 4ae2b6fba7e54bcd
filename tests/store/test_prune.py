"""Pruning takes the least recently used and nothing that is in use."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

import pytest

from pipeline.errors import EdgeError
from pipeline.store import Artifact, Spec, Store, Workspace

HOLDING = """
import sys, time
from pathlib import Path
from pipeline.store import Store
Store(Path(sys.argv[1])).open(sys.argv[2])
"""
USING = HOLDING.replace("Store(Path", "store = Store(Path").replace(".open", "; store.open") + """
print("holding", flush=True)
time.sleep(60)
"""
BUILDING = """
import sys, time
from pathlib import Path
from pipeline.store import Spec, Store
def build(work):
    (work.scratch / "checkpoint").write_bytes(b"0" * 1000)
    print("building", flush=True)
    time.sleep(60)
Store(Path(sys.argv[1])).get(Spec("slow", build, {}))
"""
CHURNING = """
import shutil, sys
from itertools import count
from pathlib import Path
from pipeline.store import Spec, Store
def build(work):
    print("building", flush=True)
    for step in count():
        folder = work.scratch / f"checkpoint-{step}"
        folder.mkdir()
        for part in range(50):
            (folder / str(part)).write_bytes(b"0")
        shutil.rmtree(folder)
Store(Path(sys.argv[1])).get(Spec("slow", build, {}))
"""
Start = Callable[..., subprocess.Popen[str]]


def made(store: Store, names: str) -> list[Artifact]:
    """Artifacts of 1000 bytes each, last used in the order of their names."""
    artifacts = []
    for age, name in enumerate(names):
        def build(work: Workspace) -> None:
            (work.out / "f").write_bytes(b"0" * 1000)

        artifact = store.get(Spec(name, build, {}))
        os.utime(store.locks / f"{artifact.key}.use", (1_000_000 + age, 1_000_000 + age))
        artifacts.append(artifact)
    store.close()
    return artifacts


def kinds(store: Store) -> str:
    return "".join(sorted(artifact.kind for artifact in store.list()))


def test_least_recently_used_goes_first(store: Store) -> None:
    artifacts = made(store, "abcd")
    store.open(artifacts[0].key)
    store.close()
    each = artifacts[0].size + (artifacts[0].path.parent / "manifest.json").stat().st_size
    assert store.prune(each * 2 + 200) == [artifacts[1].key, artifacts[2].key]
    assert kinds(store) == "ad"
    assert store.prune(10**9) == []


def test_nothing_in_use_goes(store: Store, start: Start) -> None:
    one, two = made(store, "ab")
    program = start(USING, store.root, one.key)
    assert program.stdout.readline() == "holding\n"
    try:
        assert store.prune(0) == [two.key]
        with pytest.raises(EdgeError, match="in use"):
            store.remove(one.key)
    finally:
        program.kill()
        program.communicate(timeout=10)
    assert store.prune(0) == [one.key] and not list(store.tmp.iterdir())


def test_a_build_under_way_is_left_alone_and_an_abandoned_one_is_not(store: Store, start: Start) -> None:
    program = start(BUILDING, store.root)
    assert program.stdout.readline() == "building\n"
    try:
        assert store.prune(0) == [] and len(list(store.tmp.iterdir())) == 1
    finally:
        program.kill()
        program.communicate(timeout=10)
    (removed,) = store.prune(0)
    assert removed.startswith("scratch/")
    assert not list(store.tmp.iterdir()) and not list(store.scratch.iterdir())


def test_a_build_whose_scratch_comes_and_goes(store: Store, start: Start) -> None:
    program = start(CHURNING, store.root)
    assert program.stdout.readline() == "building\n"
    try:
        for _ in range(300):
            assert store.prune(10**12) == []
        assert program.poll() is None
    finally:
        program.kill()
        program.communicate(timeout=10)


def test_what_this_store_gave_out_stays_until_it_is_closed(store: Store) -> None:
    (one,) = made(store, "a")
    store.open(one.key)
    assert Store(store.root).prune(0) == []
    store.close()
    assert Store(store.root).prune(0) == [one.key]


def test_a_negative_size(store: Store) -> None:
    with pytest.raises(EdgeError, match="0 bytes or more"):
        store.prune(-1)
