"""Suites that run at once in one checkout, and a machine that is busy with something else."""

import json
import subprocess
import sys
from itertools import product

import pytest

from tests.faults.conftest import STORE, WITHOUT_JOINT, copy_acceptance, outcome_of, start_acceptance

# Every stay in the machine's lock becomes one line of a log: which process, how, from when, until when.
LOGGED = """
import json
import os
import time
from contextlib import contextmanager
from pipeline.measure.machine_lock import THIS_MACHINE

class Logged(type(THIS_MACHINE)):
    began = 0.0

    def _say(self, how):
        line = json.dumps({"process": os.getpid(), "how": how, "from": self.began, "until": time.monotonic()}) + "\\n"
        with open("log", "a") as log:
            log.write(line)
        self.began = time.monotonic()

    @contextmanager
    def shared(self, *tell):
        nested = self._held
        with super().shared(*tell):
            self.began = self.began if nested else time.monotonic()
            yield
            if not nested:
                self._say("shared")

    @contextmanager
    def alone(self):
        nested = self._held
        if nested == "shared":
            self._say("shared")
        with super().alone():
            self.began = self.began if nested == "alone" else time.monotonic()
            yield
            if nested != "alone":
                self._say("alone")
        self.began = time.monotonic()

THIS_MACHINE.__class__ = Logged
"""
SPIN = "while True: pass"
ON_CONDITIONS = "other processes used"


@pytest.mark.slow
def test_two_suites_at_once_measure_in_turns_and_come_to_the_same_verdicts(tmp_path):
    copy_acceptance(tmp_path, LOGGED)
    names = ("one", "two")
    running = [start_acceptance(tmp_path, "-k", WITHOUT_JOINT, "--store", str(STORE), "--reports", name) for name in names]
    one, two = (outcome_of(process, tmp_path / name) for process, name in zip(running, names, strict=True))
    stays = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    measured = [stay for stay in stays if stay["how"] == "alone"]
    assert {stay["process"] for stay in measured} == {process.pid for process in running}
    assert not [pair for pair in product(measured, stays) if at_once(*pair)]
    for name in one.claims:
        first, second = (outcome.claims[name]["verdict"] for outcome in (one, two))
        states = {first["state"], second["state"]}
        # Others than these two may use the machine meanwhile, and then whoever measured says so.
        told = {verdict["message"] for verdict in (first, second) if verdict["state"] == "invalid"}
        assert all(ON_CONDITIONS in message or "swapped out" in message for message in told), one.output + two.output
        assert len(states - {"invalid"}) <= 1, f"{name}: {states}"
        if one.claims[name]["unit"] in ("proportion", "points", "count"):
            assert first == second
    assert one.of_state("pass") and two.of_state("pass")


def at_once(one, other):
    return one["process"] != other["process"] and one["from"] < other["until"] and other["from"] < one["until"]


@pytest.fixture
def neighbours():
    """Two processes that compute and know nothing of the lock."""
    running = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(2)]
    yield
    for process in running:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_on_a_busy_machine_a_latency_is_invalid_after_three_attempts_whatever_was_timed(tmp_path, neighbours):
    copy_acceptance(tmp_path, "")
    claims = ["latency.p50", "latency.p95"]
    outcome = outcome_of(start_acceptance(tmp_path, "-k", "test_p50 or test_p95", "--store", str(STORE)), tmp_path / "reports")
    assert outcome.code == 7 and outcome.of_state("invalid") == set(claims), outcome.output
    for claim in (outcome.claims[name] for name in claims):
        assert ON_CONDITIONS in claim["verdict"]["message"] and "tried 3 times" in claim["verdict"]["message"]
        assert claim["verdict"]["value"] > 0
        attempts = claim["measurement"]["conditions"]["attempts"]
        assert attempts["taken"] == 3 and all(ON_CONDITIONS in reason for reason in attempts["thrown_away"])
        assert len(attempts["thrown_away"]) == 2
