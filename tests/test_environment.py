"""An environment is made once, whole or not at all, beside the libraries of this one; where it cannot be made, that is said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from pipeline import environment
from pipeline.environment import UnavailableError, python_of

ROOT = Path(__file__).parents[1]
WHEEL = "toy-1.0-py3-none-any.whl"
METADATA = {"toy.py": "VALUE = 7\n", "toy-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n",
            "toy-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "toy-1.0.dist-info/RECORD": ""}


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """An environment "toy" of one wheel, and its folder."""
    with zipfile.ZipFile(tmp_path / WHEEL, "w") as wheel:
        for name, content in METADATA.items():
            wheel.writestr(name, content)
    write(tmp_path, f"toy @ file://{tmp_path / WHEEL}")
    monkeypatch.setattr(environment, "REQUIREMENTS", tmp_path)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "main"))
    return tmp_path / "main" / "environments"


def write(folder, *lines):
    (folder / "toy.txt").write_text("\n".join(["# a toy", *lines]) + "\n")


def says(python, code):
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def whole(folder):
    return [path for path in folder.glob("toy-*") if path.is_dir()]


def test_it_has_its_own_libraries_and_those_of_this_one_and_is_made_once(toy, monkeypatch):
    python = python_of("toy")
    assert says(python, "import toy, numpy, sys; print(toy.VALUE, numpy.__version__, sys.prefix)") == [
        "7", __import__("numpy").__version__, str(python.parents[1])]
    monkeypatch.setattr(environment, "run", None)
    assert python_of("toy") == python and whole(toy) == [python.parents[1]]


def test_other_versions_are_another_environment(toy, tmp_path):
    before = python_of("toy")
    write(tmp_path, "# another remark", f"toy @ file://{tmp_path / WHEEL}")
    assert python_of("toy") == before
    write(tmp_path, f"toy @ file://{tmp_path / WHEEL}", "# and", f"toy @ file://{tmp_path}/../{tmp_path.name}/{WHEEL}")
    assert environment._home("toy") != before.parents[1]


def test_without_a_package_index_it_says_why_and_how_and_leaves_nothing(toy, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    write(tmp_path, "nowhere-to-be-found==1")
    with pytest.raises(UnavailableError) as error:
        python_of("toy")
    assert "No matching distribution" in str(error.value) and "python -m pipeline.environment toy makes it" in str(error.value)
    assert "\n" not in str(error.value) and not whole(toy)


def test_where_it_cannot_be_written_it_says_so(toy, tmp_path):
    (tmp_path / "main").write_text("a file")
    with pytest.raises(UnavailableError, match="cannot be made: .*main"):
        python_of("toy")


def test_without_its_file_it_says_so(toy):
    with pytest.raises(UnavailableError, match="expected the versions of the environment no-such, found .*no-such.txt"):
        python_of("no-such")


MAKE = """
import sys
from pathlib import Path
from pipeline import environment
environment.REQUIREMENTS, sys.prefix = Path(sys.argv[1]), sys.argv[2]
print(environment.python_of("toy"))
"""


def make(tmp_path):
    return subprocess.Popen([sys.executable, "-c", MAKE, tmp_path, tmp_path / "main"], text=True, stdout=subprocess.PIPE,
                            env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_what_was_killed_half_way_is_made_anew(toy, tmp_path):
    with make(tmp_path) as process:
        limit = time.monotonic() + 60
        while not list(toy.glob("*.partial")):
            assert process.poll() is None and time.monotonic() < limit
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert all(path.name.endswith(".partial") for path in whole(toy))
    assert says(python_of("toy"), "import toy; print(toy.VALUE)") == ["7"]
    assert not list(toy.glob("*.partial"))


def test_two_who_want_it_at_once_make_it_once(toy, tmp_path):
    processes = [make(tmp_path) for _ in range(2)]
    answers = {process.communicate(timeout=120)[0].strip() for process in processes}
    assert len(answers) == len(whole(toy)) == 1 and says(answers.pop(), "import toy; print(toy.VALUE)") == ["7"]


def test_the_converter_s_versions_are_exact():
    lines = environment.requirements("litert").splitlines()
    assert all(name and version and version[0].isdigit() for name, _, version in (line.partition("==") for line in lines))
    assert lines == sorted(lines, key=str.lower)
