"""A pipe, a device or a directory in place of a file is one line, and nobody waits for it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

from pipeline.data.records import read_records
from pipeline.errors import EdgeError
from pipeline.runtime.files import read_object
from pipeline.yaml_file import read_yaml

PATIENCE = 5  # seconds


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    """A reader that waits for ever fails the test."""
    def stop(number: int, frame: FrameType | None) -> None:
        raise AssertionError("still reading")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(PATIENCE)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(("make", "found"), [
    (os.mkfifo, "a pipe or a device"),
    (lambda path: path.symlink_to("/dev/zero"), "a pipe or a device"),
    (Path.mkdir, "a directory"),
    (lambda path: path.symlink_to("nowhere"), "none"),
], ids=["pipe", "device", "directory", "broken link"])
@pytest.mark.parametrize(("name", "read", "expected"), [
    ("a.jsonl", read_records, "a data file"), ("a.csv", read_records, "a data file"), ("a.yaml", read_yaml, "a YAML file")])
def test_what_is_no_file_is_refused(
    tmp_path: Path, make: Callable[[Path], object], found: str, name: str, read: Callable[[Path], object], expected: str
) -> None:
    make(tmp_path / name)
    with pytest.raises(EdgeError) as caught:
        read(tmp_path / name)
    assert str(caught.value) == f"{tmp_path / name}: expected {expected}, found {found}; check the path"


@pytest.mark.parametrize(("make", "found"), [(os.mkfifo, "a pipe or a device"), (Path.mkdir, "a directory")])
def test_what_is_no_file_is_refused_in_a_model_directory(tmp_path: Path, make: Callable[[Path], object], found: str) -> None:
    make(tmp_path / "config.json")
    with pytest.raises(EdgeError, match=f"config.json: expected a configuration, found {found}"):
        read_object(tmp_path / "config.json", "a configuration")


def test_a_link_to_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("one: 1\n")
    (tmp_path / "b.yaml").symlink_to("a.yaml")
    assert read_yaml(tmp_path / "b.yaml") == {"one": 1}
