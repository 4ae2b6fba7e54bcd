"""Built once, whole or not at all, whoever asks and whatever happens."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.errors import EdgeError
from pipeline.store import Spec, Store, Workspace

COMMON = """
import os, sys, time
from pathlib import Path
from pipeline.store import Spec, Store
root = Path(sys.argv[1])
"""
COUNTING = COMMON + """
def build(work):
    with open(root.parent / "runs", "a") as log:
        log.write("x")
    time.sleep(0.5)
    (work.out / "f").write_text("done")
artifact = Store(root).get(Spec("base", build, {"n": 1}))
print(artifact.file("f").read_text())
"""
# A shell starts what runs in its background deaf to Ctrl-C, and that is inherited.
HANGING = COMMON + """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
def build(work):
    (work.out / "half").write_bytes(b"0" * 100000)
    (work.scratch / "checkpoint-7").write_text("step 7")
    print("building", flush=True)
    time.sleep(60)
Store(root).get(Spec("base", build, {"n": 1}))
"""
Start = Callable[..., subprocess.Popen[str]]


def test_built_once(store: Store, spec: Spec) -> None:
    first = store.get(spec)
    again = Store(store.root).get(spec)
    assert first == again == store.open(first.key[:8])
    assert spec.build.runs == 1
    assert first.file("weights.bin").read_bytes() == bytes(range(256)) * 8
    assert first.size == sum(len(data) for data in spec.build.files.values())
    assert first.manifest["host"]["python"]
    with pytest.raises(EdgeError, match=r"expected absent\.bin .* found sub/config\.json, weights\.bin"):
        first.file("absent.bin")


def test_changed_config_is_built(store: Store, builder: Callable[[Workspace], None]) -> None:
    keys = {store.get(Spec("base", builder, {"layers": layers})).key for layers in (2, 3, 2)}
    assert len(keys) == 2 == builder.runs


def test_explain_shows_the_tree(store: Store, spec: Spec, builder: Callable[[Workspace], None]) -> None:
    base = store.get(spec)
    told = store.explain(store.get(Spec("adapter", builder, {"rank": 8}, {"base": base}, libraries=("numpy",))).key)
    assert "config rank = 8" in told and "library numpy" in told
    assert f"  input base: base {base.key}" in told and "config layers = 2" in told


def test_four_processes_build_once(tmp_path: Path, start: Start) -> None:
    programs = [start(COUNTING, tmp_path / "store") for _ in range(4)]
    outputs = [program.communicate(timeout=60) for program in programs]
    assert [out for out, _ in outputs] == ["done\n"] * 4, outputs
    assert (tmp_path / "runs").read_text() == "x"


def test_kill_in_the_middle(store: Store, start: Start, leftovers: Callable[[Store], list[str]]) -> None:
    program = start(HANGING, store.root)
    assert program.stdout.readline() == "building\n"
    program.send_signal(signal.SIGKILL)
    program.communicate(timeout=10)
    assert len(leftovers(store)) == 1 and len(list(store.tmp.iterdir())) == 1
    seen = []

    def build(work: Workspace) -> None:
        seen.append((work.scratch / "checkpoint-7").read_text())
        assert not list(work.out.iterdir())
        (work.out / "f").write_text("done")

    artifact = store.get(Spec("base", build, {"n": 1}))
    assert seen == ["step 7"]
    assert leftovers(store) == [artifact.key] and not list(store.scratch.iterdir())


def test_the_dead_are_swept_and_the_living_are_not(store: Store, start: Start, spec: Spec) -> None:
    dead = store.tmp / f"{'a' * 64}.0123"
    dead.mkdir(parents=True)
    (dead / "half").write_text("x")
    living = start(HANGING, store.root)
    assert living.stdout.readline() == "building\n"
    store.get(spec)
    left = list(store.tmp.iterdir())
    living.kill()
    living.communicate(timeout=10)
    assert len(left) == 1 and left[0] != dead


def test_the_wait_is_told_once(store: Store, start: Start, monkeypatch: pytest.MonkeyPatch,
                               capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    program = start(COUNTING.replace("0.5", "1.5"), store.root)
    while not (store.root.parent / "runs").exists():
        time.sleep(0.02)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    store.get(Spec("base", lambda work: pytest.fail("built twice"), {"n": 1}))
    program.communicate(timeout=10)
    assert capsys.readouterr().err.count("waiting for another process") == 1


@pytest.mark.parametrize("error", [EdgeError("loss is not finite"), ValueError("odd"), KeyboardInterrupt()])
def test_a_failed_build_leaves_only_scratch(
    error: BaseException, store: Store, leftovers: Callable[[Store], list[str]]
) -> None:
    def build(work: Workspace) -> None:
        (work.out / "half").write_text("x")
        (work.scratch / "kept").write_text("x")
        raise error

    spec = Spec("base", build, {})
    with pytest.raises(type(error)) as caught:
        store.get(spec)
    assert caught.value is error
    assert leftovers(store) == [] and (store.scratch / store.key(spec) / "kept").exists()


def test_control_c_in_a_real_process(store: Store, start: Start, leftovers: Callable[[Store], list[str]]) -> None:
    program = start(HANGING, store.root)
    assert program.stdout.readline() == "building\n"
    program.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in program.communicate(timeout=30)[1]
    assert leftovers(store) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB, where this user may mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        done = False
    if not done:
        pytest.skip("this user may not mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_for_real(small_disk: Path, leftovers: Callable[[Store], list[str]]) -> None:
    store = Store(small_disk)

    def build(work: Workspace) -> None:
        (work.out / "small").write_text("fits")
        (work.out / "big").write_bytes(b"0" * (2 << 20))

    with pytest.raises(EdgeError, match=r"room on the disk.*edge artifacts prune"):
        store.get(Spec("base", build, {}))
    assert leftovers(store) == []
    assert store.get(Spec("base", lambda work: (work.out / "f").write_text("x") and None, {"small": True})).size == 1
    store.close()


@pytest.mark.parametrize("told", [None, "writer failed", "child failed: No space left on device (os error 28)"])
def test_a_full_disk_as_libraries_tell_it(
    told: str | None, store: Store, leftovers: Callable[[Store], list[str]]
) -> None:
    def build(work: Workspace) -> None:
        (work.out / "half").write_text("x")
        if told and "space" in told:
            raise RuntimeError(told)
        try:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise (RuntimeError(told) if told else error) from error.__cause__

    with pytest.raises(EdgeError, match="room on the disk") as caught:
        store.get(Spec("base", build, {}))
    assert "\n" not in str(caught.value) and leftovers(store) == []


def test_a_link_in_the_output_is_refused(store: Store, leftovers: Callable[[Store], list[str]]) -> None:
    def build(work: Workspace) -> None:
        (work.out / "passwd").symlink_to("/etc/passwd")

    with pytest.raises(EdgeError, match="passwd"):
        store.get(Spec("base", build, {}))
    assert leftovers(store) == []


@pytest.mark.parametrize(
    ("names", "message"),
    [((), "write files"), (("A", "a"), "where case does not count"), (("a\\b",), "refused"), (("a\nb",), "refused")],
)
def test_an_output_that_could_not_travel_is_refused(names: tuple[str, ...], message: str, store: Store) -> None:
    def build(work: Workspace) -> None:
        (work.out / "empty" / "folder").mkdir(parents=True)
        for name in names:
            (work.out / name).write_text("x")

    with pytest.raises(EdgeError, match=message):
        store.get(Spec("base", build, {}))


def test_a_root_that_cannot_be_made(tmp_path: Path, spec: Spec) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(EdgeError, match="writable folder"):
        Store(tmp_path / "file" / "store").get(spec)


def test_looking_makes_no_folder(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    assert store.list() == store.prune(0) == []
    assert not store.root.exists()


def test_a_store_that_may_only_be_read(ordinary_user: Path, spec: Spec) -> None:
    store = Store(ordinary_user / "store")
    artifact = store.get(spec)
    (store.locks / f"{artifact.key}.use").chmod(0o444)
    store.locks.chmod(0o555)
    reader = Store(store.root)
    for use in (lambda: reader.open(artifact.key), lambda: reader.remove(artifact.key), lambda: reader.prune(0),
                lambda: reader.get(Spec("base", spec.build, {"layers": 3}))):  # fmt: skip
        with pytest.raises(EdgeError, match=r"writable folder.*/locks/.*Permission denied") as caught:
            use()
        assert "\n" not in str(caught.value)


def test_a_store_that_cannot_be_used_is_known_beforehand(ordinary_user: Path) -> None:
    Store(ordinary_user / "new" / "store").check()
    assert not (ordinary_user / "new").exists()
    (ordinary_user / "store").mkdir(mode=0o555)
    with pytest.raises(EdgeError, match=r"writable folder.*/store/locks: Permission denied") as caught:
        Store(ordinary_user / "store").check()
    assert "\n" not in str(caught.value)


def test_light_to_import(start: Start) -> None:
    out, err = start(
        "import sys, pipeline.store\n"
        "print([name for name in ('torch', 'transformers', 'fsspec', 'numpy', 'rich') if name in sys.modules])"
    ).communicate(timeout=30)
    assert out == "[]\n", err
