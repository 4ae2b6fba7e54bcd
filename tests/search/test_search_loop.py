"""The loop of a worker: what counts, what ends it, what is kept of a failure, and that a second run goes on."""

from __future__ import annotations

import time
from pathlib import Path

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import EdgeError
from pipeline.search.study import claim_setting, open_study
from pipeline.search.work import HOPELESS, IN_VAIN, REASON, REFUSED, SAME_AS, Budget, counts, run_trials, told
from tests.search.drawing import objectives


def opened(folder: Path, name: str = "s", *claims: str) -> optuna.Study:
    sampler = optuna.samplers.RandomSampler(seed=1)
    return open_study(name, f"sqlite:///{folder}/search.db", sampler, objectives(*claims or ("compression.size",)))


def number(trial: optuna.Trial) -> list[float]:
    return [float(trial.number)]


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1h", 3600), ("0.5m", 30)])
def test_a_time(text: str, seconds: float) -> None:
    assert Budget.of(text) == Budget(seconds=seconds)


@pytest.mark.parametrize("text", ["", "10", "m", "10 m", "-1m", "0s", "1d", "10m5s", "١m", "9" * 30 + "s", "nan s", "1e3s"])
def test_no_time(text: str) -> None:
    with pytest.raises(EdgeError, match=r"--budget: expected a time such as 90s, 10m or 1h, found"):
        Budget.of(text)


@given(st.text(max_size=8))
def test_any_text_is_a_time_or_one_line(text: str) -> None:
    try:
        assert Budget.of(text).seconds > 0
    except EdgeError as error:
        assert "\n" not in str(error)


def test_the_same_command_goes_on_to_the_number(tmp_path: Path) -> None:
    run_trials(opened(tmp_path), number, Budget(trials=3))
    run_trials(opened(tmp_path), number, Budget(trials=5))
    study = opened(tmp_path)
    run_trials(study, number, Budget(trials=5))
    assert [trial.values for trial in study.trials] == [[0.0], [1.0], [2.0], [3.0], [4.0]]


def test_a_failure_is_kept_with_its_reason_and_ends_nothing(tmp_path: Path) -> None:
    study, heard = opened(tmp_path), []

    def judge(trial: optuna.Trial) -> list[float]:
        if trial.number == 1:
            raise EdgeError("expected a group that divides")
        if trial.number == 2:
            raise ZeroDivisionError("a library's\nown kind")
        return number(trial)

    run_trials(study, judge, Budget(trials=5), heard.append)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "FAIL", "FAIL", "COMPLETE", "COMPLETE"]
    assert [trial.user_attrs[REASON] for trial in study.trials[1:3]] == [
        "expected a group that divides", "ZeroDivisionError: a library's own kind"]
    assert told(heard[1], ["x"]) == "trial 1: expected a group that divides" and told(heard[3], ["x"]) == "trial 3: x 3"


def test_a_disk_that_fails_ends_the_search(tmp_path: Path) -> None:
    def judge(trial: optuna.Trial) -> list[float]:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        run_trials(opened(tmp_path), judge, Budget(trials=5))


def test_what_cost_nothing_is_no_trial_of_the_budget(tmp_path: Path) -> None:
    study = opened(tmp_path)

    def judge(trial: optuna.Trial) -> list[float]:
        if trial.number % 3 == 0:
            trial.set_user_attr(REFUSED, True)
            raise EdgeError("too large")
        if trial.number % 3 == 1:
            trial.set_user_attr(SAME_AS, 0)
        return number(trial)

    run_trials(study, judge, Budget(trials=3))
    assert len(study.trials) == 9 and sum(map(counts, study.trials)) == 3


def test_only_failures_end_it_with_the_last_reason(tmp_path: Path) -> None:
    def judge(trial: optuna.Trial) -> list[float]:
        raise EdgeError(f"no. {trial.number}")

    study = opened(tmp_path)
    with pytest.raises(EdgeError, match=f"expected a trial among the first that can be judged, found none; the last: no. {HOPELESS - 1}"):
        run_trials(study, judge, Budget(trials=100))
    assert len(study.trials) == HOPELESS


def test_nothing_new_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.search.work.IN_VAIN", 5)
    study = opened(tmp_path)

    def judge(trial: optuna.Trial) -> list[float]:
        if trial.number:
            trial.set_user_attr(SAME_AS, 0)
        return [1.0]

    run_trials(study, judge, Budget(seconds=60))
    assert len(study.trials) == 6 and IN_VAIN > 5


def test_time_ends_it(tmp_path: Path) -> None:
    started = time.monotonic()
    run_trials(opened(tmp_path), lambda trial: time.sleep(0.05) or number(trial), Budget(seconds=0.3))
    assert time.monotonic() - started < 20


def test_an_interrupted_trial_is_a_failed_one_and_the_study_stays(tmp_path: Path) -> None:
    def judge(trial: optuna.Trial) -> list[float]:
        if trial.number == 1:
            raise KeyboardInterrupt
        return number(trial)

    with pytest.raises(KeyboardInterrupt):
        run_trials(opened(tmp_path), judge, Budget(trials=5))
    study = opened(tmp_path)
    run_trials(study, number, Budget(trials=4))
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]


def test_a_study_is_not_mixed_with_another(tmp_path: Path) -> None:
    study = opened(tmp_path)
    claim_setting(study, {"profile": "reference", "queries": 600})
    claim_setting(study, {"profile": "reference", "queries": 600})
    says = "study s: expected queries 600, with which it was begun, found 100; give the same, or another --study"
    with pytest.raises(EdgeError, match=says):
        claim_setting(study, {"profile": "reference", "queries": 100})
    with pytest.raises(EdgeError, match="study s: expected the objectives that it was begun with, compression.size, found edge_200mb.file"):
        opened(tmp_path, "s", "edge_200mb.file")


def test_more_objectives_than_the_study_has(tmp_path: Path) -> None:
    opened(tmp_path)
    with pytest.raises(EdgeError, match="study s: expected the objectives that it was begun with"):
        opened(tmp_path, "s", "compression.size", "edge_200mb.file")
