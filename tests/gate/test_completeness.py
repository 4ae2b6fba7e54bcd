"""The record is whole: no claim vanishes, no failure stays green, and a record that cannot be written is told."""

from collections import Counter

import pytest
import yaml

from tests.gate.conftest import ALONE_OR_IN_TWO, ROOT
from tests.gate.test_plugin import PASSING, record, states

OBSERVING = """
def test_beside(check):
    raise KeyError("curve")
"""
OTHER = PASSING.replace("toy.accuracy", "toy.other").replace("test_it", "test_other")


def crashing(words):
    return OTHER.replace("check(answers(980, 1000))", words)


def reason(pytester, name):
    return next(claim["verdict"]["message"] for claim in record(pytester)["claims"] if claim["id"] == name)


@pytest.mark.parametrize(("words", "arguments", "why"), [
    ("{}['lost']", [], "KeyError: 'lost'"),
    pytest.param("{}['lost']", ["-n", "2"], "KeyError: 'lost'", marks=pytest.mark.slow),
    ("__import__('os')._exit(9)", ["-n", "2"], "crashed while running"),
])
def test_a_claim_whose_test_crashes_is_invalid(suite, pytester, words, arguments, why):
    assert suite(PASSING + crashing(words), *arguments, subprocess=bool(arguments)).ret == 1
    assert states(pytester) == {"toy.accuracy": "pass", "toy.other": "invalid"}
    assert why in reason(pytester, "toy.other")
    assert record(pytester)["run"]["gate"] == {"state": "red", "red": ["toy.other"], "invalid": [], "failed_tests": {}}


@ALONE_OR_IN_TWO
def test_a_claim_that_nobody_asks_is_listed_with_the_reason(suite, pytester, workers):
    result = suite(PASSING + OTHER, "-k", "test_it", "-n", str(workers), subprocess=workers > 0)
    assert result.ret == 0 and states(pytester) == {"toy.accuracy": "pass"}
    assert reason(pytester, "toy.other") == "not asked in this run"
    assert reason(pytester, "toy.scale") == "not asked in this run: no collected test is about it"
    result.stdout.fnmatch_lines(["*1 pass, 3 not measured of 4 claims*"])


def test_an_unasked_claim_turns_a_gate_red_that_says_so(suite, pytester):
    file = pytester.path / "thresholds.yaml"
    content = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({**content, "gate": {**content["gate"], "red": ["fail", "not_measured"]}}))
    assert suite(PASSING).ret == 1
    assert record(pytester)["run"]["exit_code"] == 1


@pytest.mark.parametrize(("tests", "test"), [
    (OBSERVING, "test_beside"),
    ("def test_plain():\n    raise KeyError('curve')\n", "test_plain"),
    ("""
@pytest.fixture(autouse=True)
def cleaning():
    yield
    raise KeyError("curve")
""", "test_it"),
], ids=["an observation", "a test without claim", "a teardown"])
def test_a_failed_test_is_red_whatever_the_claims_say(suite, pytester, tests, test):
    result = suite(PASSING + tests)
    assert result.ret == 1 and states(pytester) == {"toy.accuracy": "pass"}
    gate = record(pytester)["run"]["gate"]
    (name, why), = gate["failed_tests"].items()
    assert gate["state"] == "red" and gate["red"] == [name] and name.endswith(f"::{test}") and why == "KeyError: 'curve'"
    result.stdout.fnmatch_lines([f"gate red: *::{test} failed: KeyError: 'curve'"])


def test_a_file_that_cannot_be_collected_is_red(suite, pytester):
    pytester.makepyfile(test_broken="import nowhere")
    assert suite(PASSING, "--continue-on-collection-errors").ret == 1
    assert record(pytester)["run"]["gate"]["red"] == ["test_broken.py"]


@pytest.mark.parametrize("arguments", [["--collect-only"], ["-k", "plain"]])
def test_a_run_that_asks_no_claim_leaves_no_record(suite, pytester, arguments):
    suite(PASSING + "\ndef test_plain():\n    assert False\n", *arguments)
    assert not pytester.path.joinpath("reports").exists()


def no_record(result, why):
    assert result.ret == 4
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    result.stdout.fnmatch_lines([f"ERROR: no record of this run, exit code 4: {why}"])


def test_a_record_that_cannot_be_written_is_one_line_below_the_table(suite, pytester):
    pytester.path.joinpath("file").write_text("")
    result = suite(PASSING, "--reports", "file/x")
    result.stdout.fnmatch_lines(["*right often enough*", "*exit code 4*1 pass*"])
    no_record(result, "file/x/results.json: expected to write*")


def test_an_artifact_pruned_during_the_run_is_one_line_below_the_table(suite):
    result = suite(PASSING.replace("1000)", "1000, artifacts={'model': 'a' * 64})"))
    result.stdout.fnmatch_lines(["*right often enough*"])
    no_record(result, "*aaaaaaaa*")


def test_workers_that_are_all_lost_are_one_line(suite):
    no_record(suite(crashing("__import__('os')._exit(9)"), "-n", "1", "--max-worker-restart=0", subprocess=True), "*run without -n")


def test_a_run_folder_that_cannot_be_written_is_one_line(suite, pytester):
    tests = """
from pathlib import Path
from pipeline.measure.subject import Subject

@pytest.fixture(scope="session")
def run_directory(tmp_path_factory):
    file = tmp_path_factory.mktemp("full") / "file"
    file.touch()
    return file / "inside"

@pytest.fixture(scope="session")
def challenge():
    return [{"query": "q"}]

documented_test = challenge

@pytest.mark.claim("toy.accuracy")
def test_it(check, decide):
    decide(Subject("model", Path("model"), Path("decision"), 1, {"model": "key"}))
"""
    suite(tests).stdout.no_fnmatch_line("*Traceback*")
    assert "expected to write the run's decisions" in reason(pytester, "toy.accuracy")


def test_every_documented_claim_has_exactly_one_acceptance_test(pytester):
    class Claims:
        def pytest_collection_finish(self, session):
            self.found = Counter(mark.args[0] for item in session.items for mark in item.iter_markers("claim"))

    claims = Claims()
    acceptance = ["--collect-only", "-c", ROOT / "pytest.ini", f"--rootdir={ROOT}", ROOT / "acceptance"]
    pytester.inline_run(*acceptance, plugins=[claims])
    assert claims.found == Counter(yaml.safe_load((ROOT / "thresholds.yaml").read_text())["claims"].keys())


def test_what_cannot_be_built_here_is_not_measured_with_the_reason_whoever_asks_for_it(suite, pytester):
    result = suite("""
from pipeline.environment import UnavailableError

@pytest.fixture(scope="session")
def converted():
    raise UnavailableError("expected the environment toy, found no network")

@pytest.mark.claim("toy.accuracy")
def test_by_a_fixture(check, converted):
    check(answers(99, 100))

@pytest.mark.claim("toy.other")
def test_by_itself(check):
    raise UnavailableError("expected the environment toy, found no network")

def test_without_a_claim(converted):
    pass

@pytest.mark.claim("toy.scale")
def test_else(check):
    check(answers(990, 1000))
""")
    result.assert_outcomes(skipped=4)
    found = {claim["id"]: claim["verdict"] for claim in record(pytester)["claims"]}
    assert result.ret == 6 and set(states(pytester).values()) == {"not_measured"}
    assert all(found[claim]["message"].endswith("found no network") for claim in ("toy.accuracy", "toy.other"))
