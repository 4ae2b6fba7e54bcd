"""The user's own model, data and store are looked at when the run starts, by one process, and a bad one leaves no record."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import specs
from pipeline.errors import EdgeError
from pipeline.profile import load_profile
from pipeline.store import Store
from tests.gate.test_plugin import PASSING, record, states
from tests.models import tiny_model

Suite = Callable[..., pytest.RunResult]
LONG = "x" * 300  # no file system takes such a name
MODEL = ["--profile", "qwen3-0.6b", "--model"]
COUNTING = """
import fixtures.profile
real = fixtures.profile._check_inputs

def counted(settings):
    with open("looks", "a") as file:
        file.write("look\\n")
    real(settings)

fixtures.profile._check_inputs = counted
"""


def rows(*queries: str, intent: str = "time_query") -> str:
    return "query,intent\n" + "".join(f"{query},{intent}\n" for query in queries)


@pytest.fixture
def here(pytester: pytest.Pytester) -> Path:
    """Models and data, whole and broken, in the folder that pytest runs in."""
    folder = pytester.path
    for name in ("empty", "broken"):
        (folder / name).mkdir()
    (folder / "broken" / "config.json").write_text("{")
    tiny_model(folder / "small")
    for name, text in {"train": rows("现在几点", "今天星期几"), "eval": rows("明天几号", "离过年还有多久"), "one": rows("后天农历多少"),
                       "wrong": rows("现在几点", intent="time"), "cut": 'query,intent\n"现在几点'}.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def data(train: str, evaluation: str) -> list[str]:
    return ["--train-data", train, "--eval-data", evaluation]


@pytest.mark.parametrize(("arguments", "says"), [
    ([*MODEL, "empty"], "the directory is empty"),
    ([*MODEL, "./nowhere"], "a model directory was expected at nowhere"),
    ([*MODEL, "broken"], "broken/config.json: expected a model's configuration as JSON"),
    ([*MODEL, "train.csv"], "that is a file"),
    ([*MODEL, f"./{LONG}"], "File name too long"),
    ([*MODEL, "small"], "expected a base of 596,049,920 parameters"),
    (data("wrong.csv", "eval.csv"), "wrong.csv:2: expected one of the intents"),
    (data("train.csv", "cut.csv"), "cut.csv:2: expected valid CSV"),
    (data("train.csv", "train.csv"), "train.csv:2: leak"),
    (data("train.csv", "one.csv"), "one.csv: expected at least two queries of some intent"),
    ([*data("train.csv", "eval.csv"), "--columns", "query=text"], "train.csv:2: expected the field 'text'"),
    (["--store", "train.csv"], "expected a writable folder for the store, found *train.csv*Not a directory"),
    (["--store", "train.csv/store"], "expected a writable folder for the store, found *train.csv/store*Not a directory"),
    (["--store", LONG], "File name too long"),
    (["--store", "/proc/x"], "expected a writable folder for the store, found /proc/x"),
    (["--store-url", "nonsense://"], "expected a remote such as*nonsense"),
    (["--store-url", "github://x"], "expected a remote such as*github"),
])
def test_a_bad_input_is_one_line_and_the_last_record_stays(
    suite: Suite, pytester: pytest.Pytester, here: Path, arguments: list[str], says: str
) -> None:
    suite(PASSING)
    before = record(pytester)
    result = suite(PASSING, *arguments)
    assert result.ret == 4 and record(pytester) == before
    assert len([*filter(None, result.errlines)]) == 1 and not result.outlines
    result.stderr.fnmatch_lines([f"ERROR: *{says}*"])


def test_good_inputs_are_passed_and_the_look_leaves_nothing(suite: Suite, pytester: pytest.Pytester, here: Path) -> None:
    assert suite(PASSING, *data("train.csv", "eval.csv"), "--store", "new/store", "--store-url", f"file://{here}/remote").ret == 0
    assert states(pytester) == {"toy.accuracy": "pass"}
    assert not (here / "new").exists() and not (here / "remote").exists()


def test_data_that_was_split_before_is_not_read_again(
    suite: Suite, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise EdgeError("read again")

    train, evaluation = (str(here / f"{name}.csv") for name in ("train", "eval"))
    monkeypatch.setattr("fixtures.profile.check_own_data", refuse)
    assert suite(PASSING, *data(train, evaluation), "--store", "mine").ret == 4
    Store(here / "mine").get(specs.data(load_profile("reference", "", train, evaluation)))
    assert suite(PASSING, *data(train, evaluation), "--store", "mine").ret == 0


def test_a_hub_id_is_not_looked_up(suite: Suite, here: Path) -> None:
    assert suite(PASSING, *MODEL, "nobody/nothing").ret == 0


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_one_process_looks(suite: Suite, pytester: pytest.Pytester, here: Path, workers: int) -> None:
    pytester.makepyfile(counting=COUNTING)
    assert suite(PASSING, "-p", "counting", "-n", str(workers), subprocess=True).ret == 0
    assert (here / "looks").read_text() == "look\n"


def test_starting_is_light() -> None:
    code = "import sys, fixtures.model, fixtures.profile, fixtures.artifacts; assert not {'torch', 'transformers'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
