"""A registry of its own for each test, over one database made once, and records of runs."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.registry import Lineage, Registry, Version, open_registry
from pipeline.registry.content import describe
from tests.models import tiny_model

MODEL_KEY, DECISION_KEY = "a" * 64, "b" * 64
THRESHOLDS = """version: 1
confidence: 0.95
gate: {red: [fail, inconclusive, invalid, regressed, stopped], regression_confidence: 0.99}
claims:
  small.loss: {title: loses little, caption: 损失小, phase: "1", source: plan, metric: loss, unit: points, statistic: non_inferiority,
               comparison: "<", target: 0.02, about: behaviour}
  small.size: {title: is small, caption: 体积小, phase: "1", source: plan, metric: size, unit: MB, statistic: exact, comparison: "<",
               target: 5, about: behaviour}
"""
CLAIMS = {"small.loss": ("points", "non_inferiority", 0.02), "small.size": ("MB", "exact", 5)}


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """mlflow's tables, which take a second to make."""
    file = tmp_path_factory.mktemp("registry") / "registry.db"
    assert open_registry(f"sqlite:///{file}")._client
    return file


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: Path) -> Path:
    """The root of a project with a registry that is empty."""
    for variable in ("EDGE_REGISTRY_URL", "EDGE_REGISTRY_ARTIFACTS", "EDGE_STORE"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "thresholds.yaml").write_text(THRESHOLDS, encoding="utf-8")
    (tmp_path / ".edge" / "registry").mkdir(parents=True)
    shutil.copyfile(database, tmp_path / ".edge" / "registry" / "registry.db")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def registry(home: Path) -> Registry:
    return open_registry()


@pytest.fixture
def model(home: Path) -> Path:
    """The files of a model with its decision beside it."""
    decision = home / "decided"
    decision.mkdir()
    (decision / "decision.json").write_text("{}")
    return tiny_model(home / "model")


Write = Callable[..., Path]


@pytest.fixture
def record(home: Path, model: Path) -> Write:
    """``record(state="fail")``: the record of a run that measured the model; what is named differs from a green one."""
    def write(state: str = "pass", key: str = MODEL_KEY, decision: str = DECISION_KEY, role: str = "candidate", gate: str = "green",
              claims: tuple[str, ...] = tuple(CLAIMS), exit_code: int = 0, thresholds: str = THRESHOLDS) -> Path:
        entries = [_claim(claim, state if claim == "small.loss" else "pass", {role: key}) for claim in claims]
        files = {key: describe(model, "onnx")["files"], decision: describe(home / "decided", "decision")["files"]}
        run = {"id": "run1", "profile": "reference", "thresholds_sha256": hashlib.sha256(thresholds.encode()).hexdigest(),
               "exit_code": exit_code, "gate": {"state": gate, "red": [] if gate == "green" else ["small.loss"], "failed_tests": {}}}
        content = {"version": 1, "run": run, "claims": entries, "artifacts": {key: {"files": found} for key, found in files.items()}}
        file = home / "results.json"
        file.write_text(json.dumps(content), encoding="utf-8")
        return file

    return write


def _claim(name: str, state: str, artifacts: dict[str, str]) -> dict[str, object]:
    unit, statistic, target = CLAIMS[name]
    return {"id": name, "title": name, "phase": "1", "metric": "m", "unit": unit, "statistic": statistic, "comparison": "<",
            "target": target, "confidence": 0.95, "about": "behaviour", "test": "test_it",
            "verdict": {"state": state, "value": 0.001, "n": 9, "message": ""},
            "measurement": {"shape": "exact", "artifacts": artifacts}}


@pytest.fixture
def add(registry: Registry, model: Path, record: Write) -> Callable[..., Version]:
    """``add()``: one more version of `small`, with the record of a run that lets it through."""
    lineage = Lineage(key=MODEL_KEY, kind="onnx-int8", decision=DECISION_KEY)

    def register(**changes: object) -> Version:
        shown = {} if "record" in changes else {"record": record()}
        given = {"lineage": lineage, "by": "ann", "decision": model.parent / "decided", **shown, **changes}
        return registry.register("small", model, **given)

    return register
