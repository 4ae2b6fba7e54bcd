"""A store, toy builders that count how often they run, and a way to use the store from a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pipeline.store import Spec, Store, Workspace
from pipeline.store.place import inside

NOBODY = 65534
REPOSITORY = Path(__file__).parents[2]


class Counted:
    """A builder that writes `files` and counts its runs."""

    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.files = files or {"weights.bin": bytes(range(256)) * 8, "sub/config.json": '{"层": 2}'.encode()}
        self.runs = 0

    def __call__(self, work: Workspace) -> None:
        self.runs += 1
        for name, data in self.files.items():
            path = work.out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


@pytest.fixture
def ordinary_user() -> Iterator[Path]:
    """A folder of a user whom permissions hold back: root, whom they do not, acts as nobody meanwhile."""
    with TemporaryDirectory() as folder:
        is_root = os.geteuid() == 0
        if is_root:
            os.chown(folder, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            yield Path(folder)
        finally:
            if is_root:
                os.seteuid(0)


@pytest.fixture
def builder() -> Counted:
    return Counted()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def spec(builder: Counted) -> Spec:
    return Spec("base", builder, {"layers": 2})


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start Python source as a program with the repository importable; arguments follow."""

    def begin(source: str, *arguments: object) -> subprocess.Popen[str]:
        program = tmp_path / f"program{len(list(tmp_path.glob('program*.py')))}.py"
        program.write_text(source, encoding="utf-8")
        return subprocess.Popen(
            [sys.executable, str(program), *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begin


@pytest.fixture
def leftovers() -> Callable[[Store], list[str]]:
    """What lies in objects/ and tmp/."""
    return lambda store: sorted(path.name for folder in (store.objects, store.tmp) for path in inside(folder))
