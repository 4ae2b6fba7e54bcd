"""While one test measures, no other reporting test runs, in whichever process; and a lock of no use is told in one line."""

import subprocess
import sys
import time

import pytest

from pipeline.measure.machine_lock import FOLDER_VARIABLE

TESTS = """
import time
from pathlib import Path
from pipeline.measure.machine_lock import THIS_MACHINE

def stay(what):
    start = time.monotonic()
    time.sleep(0.1)
    with open("log", "a") as log:
        log.write(f"{what} {start} {time.monotonic()}\\n")

@pytest.mark.parametrize("which", range(6))
def test_that_measures(check, which):
    with THIS_MACHINE.alone():
        stay("alone")

@pytest.mark.parametrize("which", range(24))
def test_that_computes(check, which):
    stay("shared")
"""
HOLDER = "from pipeline.measure.machine_lock import THIS_MACHINE\nwith THIS_MACHINE.alone(): print('in', flush=True); input()"


@pytest.fixture(autouse=True)
def lock_of_this_test(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "lock"))


def test_under_xdist_whoever_measures_is_alone(suite, pytester):
    assert suite(TESTS, "-n", "3", subprocess=True).ret == 6
    rows = [line.split() for line in pytester.path.joinpath("log").read_text().splitlines()]
    stays = [(what, float(start), float(end)) for what, start, end in rows]
    alone = [stay for stay in stays if stay[0] == "alone"]
    assert len(stays) == 30 and len(alone) == 6
    assert not [(one, other) for one in alone for other in stays if one != other and one[1] < other[2] and other[1] < one[2]]


def test_a_reporting_test_waits_for_who_measures_and_any_other_does_not(suite, pytester):
    # Another process of the suite's tests, so that what they hold themselves is not what is looked at.
    holder = subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "in\n"
        plain = pytester.makepyfile(test_plain="def test_plain(): pass")
        assert suite("", str(plain), subprocess=True).ret == 0
        pytester.makepyfile(test_reporting="def test_reporting(check): open('ran', 'w').close()")
        waiting = pytester.popen([sys.executable, "-m", "pytest", "test_reporting.py"])
        time.sleep(3)
        assert waiting.poll() is None and not pytester.path.joinpath("ran").exists()
        holder.communicate("measured\n")
        assert waiting.wait(60) == 6
        assert pytester.path.joinpath("ran").exists()
    finally:
        holder.kill()


def test_a_lock_of_no_use_is_one_line_and_no_run(suite, tmp_path):
    (tmp_path / "lock").touch()
    result = suite("def test_it(check): pass", subprocess=True)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*ERROR: the lock of the meters: expected a folder at *remove it or set*"])
