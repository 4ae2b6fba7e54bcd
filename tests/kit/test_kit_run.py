"""The steps after the checks, on a tiny project: what is built and fetched, that a run is kept, and the exit code of the gate."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import yaml

from pipeline import specs
from pipeline.cli import m4, main
from pipeline.errors import EdgeError
from pipeline.kit import checks, keep
from pipeline.kit.artifacts import Absent, Supply, prepare
from pipeline.kit.suite import Run, run
from pipeline.measure import host
from pipeline.measure.host import describe_host
from pipeline.measure.machine_lock import FOLDER_VARIABLE
from pipeline.profile import load_profile
from pipeline.report.results import read_results
from pipeline.store import Spec, Store

ROOT = Path(__file__).parents[2]
CLAIM = {"title": "right often enough", "caption": "足够准确", "phase": "1 toy", "source": "toy", "metric": "accuracy",
         "unit": "proportion", "statistic": "proportion", "comparison": ">", "target": 0.9, "about": "behaviour"}
THRESHOLDS = {"version": 1, "confidence": 0.95, "gate": {"red": ["fail"], "regression_confidence": 0.99},
              "claims": {"toy.accuracy": CLAIM, "toy.m4": {**CLAIM, "host": "m4"}}}
CLAIMED = {**CLAIM, "id": "latency.p95", "metric": "latency", "unit": "ms", "statistic": "percentile", "percentile": 0.95,
           "comparison": "<", "target": 100, "confidence": 0.95, "about": "scale", "verdict": {"state": "pass", "value": 9.0, "n": 100},
           "measurement": {"shape": "sample"}}
TESTS = """
import pytest
from pipeline.measure.measurement import Proportion

@pytest.mark.claim("toy.accuracy")
def test_toy(check):
    check(Proportion("accuracy", "proportion", outcomes=[1] * {right} + [0] * (100 - {right}), items=[str(n) for n in range(100)]))

@pytest.mark.claim("toy.m4")
def test_on_the_mac(check):
    check(Proportion("accuracy", "proportion", outcomes=[1] * 100, items=[str(n) for n in range(100)]))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """project(right) -> the folder of a project with two claims, one of which is right in so many of 100."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("EDGE_STORE_URL", raising=False)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "lock"))  # nothing is measured: no need to wait for who does

    def make(right: int = 100) -> Path:
        (tmp_path / "conftest.py").write_text('pytest_plugins = ["fixtures.model"]')
        (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
        (tmp_path / "thresholds.yaml").write_text(yaml.safe_dump(THRESHOLDS, allow_unicode=True))
        (tmp_path / "acceptance").mkdir(exist_ok=True)
        (tmp_path / "acceptance" / "test_toy.py").write_text(TESTS.replace("{right}", str(right)))
        return tmp_path

    return make


def edge_m4(folder: Path, *more: str) -> int:
    return main(["m4", "--profile", "reference", "--store", str(folder / "store"), *more])


@pytest.mark.skipif(describe_host()["is_m4"], reason="there is nothing to rehearse on an M4")
def test_a_rehearsal_goes_through_every_step_and_measures_nothing(project, capfd):
    folder = project()
    assert edge_m4(folder, "--rehearse") == 0
    out = capfd.readouterr().out
    assert [f"[{step}/5]" in out for step in range(1, 6)] == [True] * 5
    assert "not met: expected a" in out and "data and what follows from it: not here" in out and "rehearsed" in out
    states = {claim["id"]: claim["verdict"]["state"] for claim in read_results(folder / "reports/results.json")["claims"]}
    assert states == {"toy.accuracy": "not_measured", "toy.m4": "not_measured"}
    assert (folder / "reports/summary.md").is_file() and not (folder / "baselines").exists()


def test_an_m4_is_no_place_to_rehearse(project, monkeypatch, capsys):
    folder = project()
    monkeypatch.setattr(host, "describe_host", lambda: {"is_m4": True, "chip": "Apple M4 Pro"})
    assert edge_m4(folder, "--rehearse") == 2
    assert "found Apple M4 Pro; leave it out" in capsys.readouterr().err and not (folder / "store").exists()


@pytest.fixture
def on_an_m4(monkeypatch: pytest.MonkeyPatch):
    """The machine passes for an M4 that is fit, there is nothing to build, to wait for or to render; the run itself is real."""
    monkeypatch.setattr(checks, "refusals_here", lambda store: [])
    monkeypatch.setattr(m4, "_prepare", lambda options, profile, rehearsing: None)
    monkeypatch.setattr(keep, "render_all", lambda results, directory: [])
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p tests.kit.passes_for_an_m4")


def test_the_exit_code_is_the_gates_and_the_run_is_kept(project, on_an_m4, capfd):
    folder = project(right=100)
    assert edge_m4(folder) == 0
    out, (baseline,) = capfd.readouterr().out, (folder / "baselines").iterdir()
    assert f"baseline: baselines/{baseline.name}; commit it" in out and "record: reports/results.json" in out
    before = baseline.read_text()
    project(right=50)
    assert edge_m4(folder) == 1
    out = capfd.readouterr().out
    assert "--baseline baselines" in out and "stays as it is" in out and baseline.read_text() == before
    assert (folder / "reports" / baseline.name).is_file()
    (folder / "acceptance" / "test_toy.py").write_text("import os\nos._exit(137)\n")  # interrupted: no older figures are left
    assert edge_m4(folder) == 137 and not (folder / "reports/results.json").exists()


def test_a_mistake_has_pytests_exit_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(Run(tmp_path / "nowhere", "reference", "", tmp_path / "store", "", tmp_path / "reports")) == 4


def test_a_refused_run_changes_nothing(project, monkeypatch, capsys):
    folder = project()
    before = sorted(folder.rglob("*"))
    monkeypatch.setattr(checks, "refusals_here", lambda store: ["one: do this", "two: do that"])
    assert edge_m4(folder) == 2
    assert capsys.readouterr().err.splitlines() == ["edge: one: do this", "edge: two: do that"] and sorted(folder.rglob("*")) == before


def spec(text: str = "x") -> Spec:
    return Spec("toy", lambda work: (work.out / "f").write_text(text) and None, {"text": text})


def test_an_artifact_says_where_it_came_from(tmp_path: Path):
    url, said = (tmp_path / "shared").as_uri(), []
    for place in ("one", "one", "two"):
        Supply(Store(tmp_path / place, url), said.append).get(spec())
    assert [line.split("  ")[-1] for line in said] == ["built here", "was here", f"fetched from {url}"]


def test_a_rehearsal_fetches_but_builds_nothing(tmp_path: Path):
    url = (tmp_path / "shared").as_uri()
    Store(tmp_path / "one", url).get(spec())
    supply = Supply(Store(tmp_path / "two", url), lambda line: None, building=False)
    assert supply.get(spec()).file("f").read_text() == "x"
    with pytest.raises(Absent):
        supply.get(spec("y"))
    assert not any((tmp_path / "two" / "scratch").glob("*"))


def test_a_build_that_fails_stops_the_run_and_goes_on_where_it_was(tmp_path: Path, monkeypatch):
    made, profile = [], load_profile("reference")
    monkeypatch.setattr(specs, "data", lambda profile: spec("data"))

    def base(profile, data):
        def build(work):
            made.append("base")
            if len(made) == 1:
                raise EdgeError("interrupted")
            (work.out / "f").write_text("base")
        return Spec("base", build, {}, {"data": data})

    monkeypatch.setattr(specs, "base", base)
    monkeypatch.setattr(specs, "adapter", lambda *inputs: (_ for _ in ()).throw(EdgeError("far enough")))
    said: list[str] = []
    for expected in ("interrupted", "far enough"):
        with pytest.raises(EdgeError, match=expected):
            prepare(profile, Supply(Store(tmp_path / "store"), said.append))
    assert [line.split()[0] + " " + " ".join(line.split()[2:]) for line in said] == ["toy built here", "toy was here", "base built here"]


def test_what_cannot_be_predicted_does_not_end_the_run(tmp_path: Path, monkeypatch):
    """The default profile names a model of a hub, which is no directory to take measures from."""
    monkeypatch.setattr(keep, "read_results", lambda path: {"run": {"host": {"chip": "Apple M4"}, "profile": "qwen3-0.6b"},
                                                            "claims": [CLAIMED]})
    monkeypatch.setattr(keep, "render_all", lambda path, folder: [])
    monkeypatch.setattr(keep, "_baseline", lambda results, reports, folder: "none")
    said = io.StringIO()
    keep.keep(tmp_path / "results.json", tmp_path, load_profile("qwen3-0.6b"), said)
    assert "predictions: none, for Qwen/Qwen3-0.6B: expected a local directory" in said.getvalue()


@pytest.mark.parametrize(("facts", "name"), [
    ({"chip": "Apple M4 Max"}, "m4-max"), ({"chip": "Apple M4"}, "m4"), ({"chip": "", "machine": "x86_64"}, "x86"),
    ({"chip": "Apple M3"}, None), ({"chip": None, "machine": "riscv64"}, None), ({}, None)])
def test_the_device_of_a_record(facts, name):
    found = keep.device_of(facts)
    assert (found and found.name) == name


def test_every_option_of_the_kit_reaches_pytest():
    asked = Run(Path("a"), "p", "m", Path("s"), "u", Path("r"), Path("b"), "f")
    assert json.dumps(list(asked.arguments())).replace('"', "").replace(",", "") == (
        "[a -m m4 --profile p --store s --reports r --model m --store-url u --baseline b --format f]")
