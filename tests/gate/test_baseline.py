"""A run held against a baseline: `edge baseline save`, then `pytest --baseline`."""

import json

import pytest
import yaml

from pipeline.cli import main
from tests.gate.conftest import ALONE_OR_IN_TWO
from tests.gate.test_plugin import one_line_error, record

SUITE = """
@pytest.mark.claim("toy.accuracy")
def test_it(check):
    right = [int(place >= {missed}) for place in range(1000)]
    check(Proportion("accuracy", "proportion", outcomes=right, items=[f"q{{place}}" for place in range(1000)]{more}))
"""


def suite_missing(missed, more=""):
    return SUITE.format(missed=missed, more=more)


@pytest.fixture
def kept(suite, pytester, monkeypatch):
    """A baseline of 30 missed queries, with a tolerance of two points, in baselines/."""
    file = pytester.path / "thresholds.yaml"
    content = yaml.safe_load(file.read_text())
    content["claims"]["toy.accuracy"]["tolerance"] = 0.02
    file.write_text(yaml.safe_dump(content))
    assert suite(suite_missing(30)).ret == 0
    assert main(["baseline", "save"]) == 0
    return next(pytester.path.joinpath("baselines").iterdir())


def regression(pytester):
    return record(pytester)["claims"][0]["regression"]


@pytest.mark.parametrize("place", ["baselines", "file"])
def test_the_same_run_is_unchanged(suite, pytester, kept, place):
    assert suite(suite_missing(30), "--baseline", "baselines" if place == "baselines" else str(kept)).ret == 0
    assert regression(pytester)["state"] == "unchanged"
    assert record(pytester)["run"]["baseline"]["profile"] == "reference"


@ALONE_OR_IN_TWO
def test_a_regression_is_caught_though_the_target_is_met(suite, pytester, kept, workers):
    result = suite(suite_missing(80), "--baseline", str(kept), "-n", str(workers), subprocess=workers > 0)
    assert result.ret == 1
    claim = record(pytester)["claims"][0]
    assert claim["verdict"]["state"] == "pass" and claim["regression"]["state"] == "regressed"
    assert claim["regression"]["flipped"]["lost"] == sorted(f"q{place}" for place in range(30, 80))
    assert record(pytester)["run"]["gate"]["red"] == ["toy.accuracy"]
    result.stdout.fnmatch_lines(["*toy.accuracy regressed: worse than the baseline by more than its tolerance*"])


def test_a_claim_that_measures_nothing_any_more_has_stopped(suite, pytester, kept):
    stopped = suite_missing(30).replace("check(Proportion", "check(NotMeasured('accuracy', 'proportion', reason='gone')) or (Proportion")
    assert suite(stopped, "--baseline", str(kept)).ret == 1
    assert regression(pytester)["state"] == "stopped"


def test_broken_conditions_are_compared_with_nothing(suite, pytester, kept):
    assert suite(suite_missing(500, ", invalid='a busy machine'"), "--baseline", str(kept)).ret == 7
    assert regression(pytester)["state"] == "not_compared"


def test_turns_under_broken_conditions_are_not_green(suite, pytester, kept):
    turns = "__import__('pipeline.verdict.regression', fromlist=['x']).Turns([1.0], [1.0], 'a busy machine')"
    result = suite(suite_missing(30, f"), turns=({turns}"), "--baseline", str(kept))
    assert result.ret == 7
    assert record(pytester)["run"]["gate"]["invalid"] == ["toy.accuracy"]
    result.stdout.fnmatch_lines(["*toy.accuracy was not held against the baseline: a busy machine*"])


@pytest.mark.parametrize(("key", "value", "says"), [
    ("host_class", "darwin-arm64-10c-Apple M4", "expected a baseline of host class *found one of 'darwin-arm64-10c-Apple M4'"),
    ("profile", "qwen3-0.6b", "expected a baseline of profile 'reference', found one of 'qwen3-0.6b'"),
    ("version", 2, "version"), ("claims", {}, "claims"), ("commit", "--output=x", "commit"),
    ("artifacts", {"model": "../x"}, "artifacts.model"),
    ("clams", {}, "unknown key clams; did you mean claims?"),
])
def test_a_foreign_or_broken_baseline_is_refused(suite, kept, key, value, says):
    content = yaml.safe_load(kept.read_text())
    kept.write_text(yaml.safe_dump({**content, key: value}, allow_unicode=True))
    one_line_error(suite(suite_missing(30), "--baseline", str(kept)), says)


@pytest.mark.parametrize("text", ["", "version: [", "\x00"])
def test_a_damaged_baseline_is_refused(suite, kept, text):
    kept.write_text(text)
    one_line_error(suite(suite_missing(30), "--baseline", str(kept)), kept.name)


def test_outcomes_that_do_not_fit_their_n_are_refused(suite, kept):
    kept.write_text(kept.read_text().replace("n: 1000", "n: 999999"))
    one_line_error(suite(suite_missing(30), "--baseline", str(kept)), "expected 250000 hexadecimal digits")


def test_a_folder_without_a_baseline_for_this_host_says_which_it_wants(suite, pytester):
    pytester.mkdir("empty")
    one_line_error(suite(suite_missing(30), "--baseline", "empty"), "empty/reference.*.yaml: expected a YAML file, found none")


@pytest.mark.parametrize(("change", "says"), [
    ({"outcomes": ""}, "expected `outcomes` with the `items`"), ({"outcomes": "f" * 250, "n": 999}, "hexadecimal digits"),
    ({"n": 0}, "n"), ({"value": 92.3}, "expected a proportion"), ({"outcomes": "g" * 250}, "outcomes")])
def test_a_figure_that_cannot_be_is_refused(suite, kept, change, says):
    content = yaml.safe_load(kept.read_text())
    content["claims"]["toy.accuracy"].update(change)
    kept.write_text(yaml.safe_dump(content))
    one_line_error(suite(suite_missing(30), "--baseline", str(kept)), says)


@pytest.mark.parametrize("part", ["verdict", "measurement"])
def test_an_incomplete_record_is_no_baseline(kept, pytester, capsys, part):
    path = pytester.path / "reports/results.json"
    content = json.loads(path.read_text())
    content["claims"][0][part] = {"state": "pass", "shape": "sample"}
    path.write_text(json.dumps(content))
    assert main(["baseline", "save"]) == 2
    assert "expected a complete record of a run" in capsys.readouterr().err


def test_diff_of_two_runs(suite, pytester, kept, capsys):
    suite(suite_missing(80))
    capsys.readouterr()
    assert main(["baseline", "diff", str(kept)]) == 1
    shown = capsys.readouterr().out
    assert "toy.accuracy" in shown and "regressed" in shown and "+5.0 points" in shown and "lost 50: 'q30', 'q31'" in shown
    assert main(["baseline", "save", "--to", "later.yaml"]) == 0
    assert main(["baseline", "diff", "later.yaml", str(kept)]) == 0
    assert "improved" in capsys.readouterr().out


def test_show_and_the_file_itself_tell_no_query(kept, capsys):
    assert main(["baseline", "show", str(kept)]) == 0
    assert "97.0 %" in capsys.readouterr().out
    assert "q30" not in kept.read_text() and kept.stat().st_size < 2000


@pytest.mark.parametrize(("arguments", "says"), [
    (["save", "nowhere.json"], "nowhere.json: expected the record of a run, found none"),
    (["show", "nowhere.yaml"], "nowhere.yaml: expected a YAML file, found none"),
    (["diff", "thresholds.yaml"], "thresholds.yaml: "),
])
def test_mistakes_are_one_line(kept, capsys, arguments, says):
    assert main(["baseline", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"edge: {says}") and error.count("\n") == 1


def test_a_run_without_a_valid_figure_is_no_baseline(suite, pytester, capsys):
    suite(suite_missing(30, ", invalid='a busy machine'"))
    assert main(["baseline", "save"]) == 2
    assert "expected a record with at least one valid figure" in capsys.readouterr().err
    assert not pytester.path.joinpath("baselines").exists()


def test_a_dirty_run_keeps_no_commit(suite, pytester, kept, capsys):
    path = pytester.path / "reports/results.json"
    content = json.loads(path.read_text())
    content["run"]["git"] = {"commit": "a" * 40, "dirty": True}
    content["artifacts"] = {"b" * 64: {"role": "onnx-int8"}}
    path.write_text(json.dumps(content))
    assert main(["baseline", "save", "--to", "dirty.yaml"]) == 0
    assert "commit" not in yaml.safe_load(pytester.path.joinpath("dirty.yaml").read_text())
    assert "was not committed" in capsys.readouterr().err
