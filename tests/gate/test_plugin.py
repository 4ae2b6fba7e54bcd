"""The plugin: outcomes, the record, exit codes, and every kind of bad input."""

import json

import pytest
import yaml

from fixtures.options import asks_for_m4
from pipeline.data.assistant.tasks import TASKS
from pipeline.data.intents import INTENTS
from tests.gate.conftest import ALONE_OR_IN_TWO

PASSING = """
@pytest.mark.claim("toy.accuracy")
def test_it(check):
    check(answers(980, 1000))
"""


def record(pytester):
    return json.loads(pytester.path.joinpath("reports/results.json").read_text())


def states(pytester):
    """The claims that the run asked."""
    return {claim["id"]: claim["verdict"]["state"] for claim in record(pytester)["claims"]
            if not claim["verdict"]["message"].startswith("not asked")}


def test_a_passing_claim_is_green_and_recorded_whole(suite, pytester):
    result = suite(PASSING)
    assert result.ret == 0
    claim, *unasked = record(pytester)["claims"]
    assert {other["id"] for other in unasked} == {"toy.other", "toy.scale", "toy.m4"}
    assert claim["verdict"]["state"] == "pass" and claim["verdict"]["n"] == 1000
    assert len(claim["measurement"]["outcomes"]) == 1000
    assert record(pytester)["run"]["gate"] == {"state": "green", "red": [], "invalid": [], "failed_tests": {}}
    captions = record(pytester)["intents"]
    assert captions["weather_query"] == "天气查询" and captions["learning_tracking"] == "学习跟踪"
    assert set(captions) == {intent.name for intent in INTENTS} | {task.name for task in TASKS}
    result.stdout.fnmatch_lines(["*right often enough*"])


@pytest.mark.parametrize(("measurement", "state"), [("answers(850, 1000)", "fail"), ("answers(91, 100)", "inconclusive")])
def test_a_target_that_is_not_shown_is_red(suite, pytester, measurement, state):
    result = suite(PASSING.replace("answers(980, 1000)", measurement))
    assert result.ret == 1
    assert states(pytester) == {"toy.accuracy": state}
    assert record(pytester)["run"]["gate"]["red"] == ["toy.accuracy"]
    result.stdout.fnmatch_lines([f"*toy.accuracy {state}: *"])


INVALID = PASSING.replace("answers(980, 1000)", "answers(1000, 1000, invalid='a busy machine')")


def test_invalid_conditions_have_an_exit_code_of_their_own(suite, pytester):
    result = suite(INVALID)
    assert result.ret == 7
    assert states(pytester) == {"toy.accuracy": "invalid"}
    assert record(pytester)["run"]["gate"] == {"state": "invalid", "red": [], "invalid": ["toy.accuracy"], "failed_tests": {}}
    result.stdout.fnmatch_lines(["*toy.accuracy invalid: a busy machine*"])


@ALONE_OR_IN_TWO
def test_a_failure_beside_an_invalid_claim_is_red(suite, pytester, workers):
    failing = PASSING.replace("980", "850").replace("toy.accuracy", "toy.other").replace("test_it", "test_other")
    assert suite(INVALID + failing, "-n", str(workers), subprocess=workers > 0).ret == 1
    assert record(pytester)["run"]["gate"]["red"] == ["toy.other"]


def test_a_gate_can_call_invalid_red(suite, pytester):
    file = pytester.path / "thresholds.yaml"
    content = yaml.safe_load(file.read_text())
    content["gate"]["red"].append("invalid")
    file.write_text(yaml.safe_dump(content))
    assert suite(INVALID).ret == 1


def test_not_measured_is_listed_beside_a_pass_and_not_green_alone(suite, pytester):
    alone = """
@pytest.mark.claim("toy.other")
def test_other(check):
    check(NotMeasured("accuracy", "proportion", reason="no such meter here"))
"""
    assert suite(PASSING + alone).ret == 0
    assert states(pytester) == {"toy.accuracy": "pass", "toy.other": "not_measured"}
    result = suite(alone)
    assert result.ret == 6
    assert record(pytester)["run"]["gate"]["state"] == "nothing measured"


def test_a_claim_about_scale_is_only_indicative_on_the_reference_profile(suite, pytester):
    suite(PASSING.replace("toy.accuracy", "toy.scale"))
    verdict = next(claim["verdict"] for claim in record(pytester)["claims"] if claim["id"] == "toy.scale")
    assert (verdict["state"], verdict["indicative"], verdict["value"]) == ("not_measured", True, 0.98)


def fake_chip(chip):
    return f"""
import fixtures.options
real = fixtures.options.describe_host
fixtures.options.describe_host = lambda: {{**real(), "is_m4": {chip == "Apple M4"}, "cpu": "{chip}", "chip": "{chip}"}}
"""


@pytest.mark.parametrize(("expression", "asks"), [
    ("m4", True), ("(m4)", True), ("m4 and not slow", True), ("not slow and (m4 or m4)", True), ("m4 and (", False),
    ("not m4", False), ("slow", False), ("m4 or slow", False), ("", False)])
def test_m4_is_required_where_nothing_else_can_match(expression, asks):
    assert asks_for_m4(expression) is asks


def test_m4_on_another_host_measures_nothing_and_says_why(suite, pytester):
    pytester.makepyfile(other_host=fake_chip("AMD EPYC"))
    tests = PASSING.replace("check(answers(980, 1000))", "raise AssertionError('must not run')")
    result = suite(tests, "-p", "other_host", "-m", "(m4)", subprocess=True)
    assert result.ret == 6
    assert states(pytester) == {"toy.accuracy": "not_measured"}
    result.stdout.fnmatch_lines(["*counts on an Apple M4 only, this host is AMD EPYC*"])


def test_m4_on_an_m4_judges(suite, pytester):
    pytester.makepyfile(an_m4=fake_chip("Apple M4"))
    assert suite(PASSING.replace("toy.accuracy", "toy.m4"), "-p", "an_m4", "-m", "m4", subprocess=True).ret == 0
    assert states(pytester) == {"toy.m4": "pass"}


def test_an_error_while_building_is_one_line_and_its_claim_invalid(suite, pytester):
    tests = """
@pytest.fixture
def artifact():
    raise EdgeError("model.onnx: expected a whole file, found a truncated one; build it again")
""" + PASSING.replace("(check)", "(check, artifact)")
    result = suite(tests)
    assert result.ret == 1
    assert states(pytester) == {"toy.accuracy": "invalid"}
    result.stdout.fnmatch_lines(["model.onnx: expected a whole file, found a truncated one; build it again"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_xdist_workers_give_the_same_record(suite, pytester):
    tests = PASSING + PASSING.replace("toy.accuracy", "toy.other").replace("test_it", "test_b")
    assert suite(tests, "-n", "2", subprocess=True).ret == 0
    assert states(pytester) == {"toy.accuracy": "pass", "toy.other": "pass"}


def test_an_interrupted_run_leaves_the_last_record_alone(suite, pytester):
    suite(PASSING)
    before = record(pytester)
    result = suite(PASSING + "\ndef test_stop():\n    raise KeyboardInterrupt\n", subprocess=True)
    assert result.ret == 2
    assert record(pytester) == before
    assert [path.name for path in pytester.path.joinpath("reports").iterdir()] == ["results.json"]


def one_line_error(result, *patterns):
    assert result.ret == 4
    assert "Traceback" not in result.stderr.str()
    result.stderr.fnmatch_lines([f"ERROR: *{pattern}*" for pattern in patterns])


@ALONE_OR_IN_TWO
@pytest.mark.parametrize(("tests", "says"), [
    (PASSING.replace("toy.accuracy", "toy.acuracy"), "toy.acuracy*did you mean toy.accuracy"),
    (PASSING + PASSING.replace("test_it", "test_twice"), "toy.accuracy*one test a claim"),
], ids=["an unknown name", "two tests"])
def test_a_mistaken_claim(suite, tests, says, workers):
    one_line_error(suite(tests, "-n", str(workers), subprocess=workers > 0), says)


def test_an_unknown_claim_with_no_near_name_lists_the_known(suite):
    one_line_error(suite(PASSING.replace("toy.accuracy", "zzz")), "known: toy.accuracy")


@pytest.mark.parametrize(("arguments", "says"), [
    (["--profile", "referense"], "expected one of*reference"),
    (["--profile", "missing.yaml"], "missing.yaml: expected a YAML file, found none"),
    (["--profile", "../profiles/reference"], "expected one of*reference"),
    (["--thresholds", "nowhere.yaml"], "nowhere.yaml: expected a YAML file, found none"),
    (["--train-data", "mine.jsonl"], "--train-data and --eval-data together"),
    (["--train-data", "mine.jsonl", "--eval-data", "mine.jsonl"], "mine.jsonl: expected a .jsonl or .csv file"),
    (["--columns", "query"], "expected query=COLUMN,intent=COLUMN"),
    (["--columns", "foo=bar"], "expected query=COLUMN,intent=COLUMN"),
    (["--columns", "query=text"], "--columns: expected --train-data and --eval-data"),
    (["--model", "Qwen/Qwen3-0.6B"], "expected a profile with a pretrained base, found reference"),
])
def test_bad_options(suite, arguments, says):
    one_line_error(suite(PASSING, *arguments), says)


def edit(content, path, value):
    *parents, last = path
    for part in parents:
        content = content[part]
    content[last] = value


@pytest.mark.parametrize(("path", "value", "says"), [
    (("claims", "toy.accuracy", "confidnce"), 0.9, "claims.toy.accuracy.confidnce; did you mean confidence"),
    (("claims", "toy.accuracy", "target"), "ninety", "claims.toy.accuracy.target"),
    (("claims", "toy.accuracy", "statistic"), "vibes", "claims.toy.accuracy.statistic"),
    (("claims", "toy.accuracy", "percentile"), 0.95, "percentile"),
    (("claims",), {}, "at least one claim"),
    (("version",), 2, "version"),
    (("gate", "red"), ["orange"], "gate.red"),
])
def test_a_typo_in_thresholds(suite, pytester, path, value, says):
    file = pytester.path / "thresholds.yaml"
    content = yaml.safe_load(file.read_text())
    edit(content, path, value)
    file.write_text(yaml.safe_dump(content))
    one_line_error(suite(PASSING), says)


@pytest.mark.parametrize(("text", "says"), [
    ("", "expected a mapping"), ("claims: [", "thresholds.yaml:1: expected valid YAML"), ("a: 1\na: 2\n", "the key 'a' stands twice"),
    ("\x00\xff", "thresholds.yaml")])
def test_a_broken_thresholds_file(suite, pytester, text, says):
    pytester.path.joinpath("thresholds.yaml").write_text(text)
    one_line_error(suite(PASSING), says)


def test_check_without_a_claim_names_the_marker(suite):
    result = suite("def test_it(check):\n    check(answers(1, 1))\n")
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*expected @pytest.mark.claim*"])
