"""schemathesis holds the service against its own schema: no server error, nothing undocumented, no bad data taken, no good data refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import schemathesis
from fastapi import FastAPI
from schemathesis.config import (
    CoveragePhaseConfig,
    GenerationConfig,
    PhasesConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
    StatefulPhaseConfig,
)
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished

from pipeline.service.app import make_app
from pipeline.service.problems import Refusal
from pipeline.service.settings import Settings
from pipeline.service.tokens import SCOPES, Tokens
from tests.models import tiny_model

HOST = {"Host": "127.0.0.1"}


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    (tmp_path / "models").mkdir()
    tiny_model(tmp_path / "models" / "Qwen3-0.6B")  # the one of the examples
    return make_app(Settings(state=tmp_path, store=tmp_path / "store", model_roots=(tmp_path / "models",), rate=1e9, burst=10**9,
                             reports=tmp_path, registry_url=f"sqlite:///{tmp_path}/registry.db", registry_artifacts=str(tmp_path / "kept")))


def faults(app: FastAPI, examples: int, whole: bool) -> tuple[list[str], Counter[str]]:
    """What is found, and how often each check was made.  whole: with the phases that take a minute."""
    token = Tokens(app.state.settings.token_file).add("schema", SCOPES)
    phases = PhasesConfig(coverage=CoveragePhaseConfig(enabled=whole), stateful=StatefulPhaseConfig(enabled=whole))
    generation = GenerationConfig(max_examples=examples, deterministic=not whole)
    project = ProjectConfig(base_url=f"http://{HOST['Host']}", headers={"Authorization": f"Bearer {token}"}, continue_on_failure=True,
                            phases=phases, generation=generation)
    config = SchemathesisConfig(projects=ProjectsConfig(default=project))
    found, made = [], Counter[str]()
    for event in from_schema(schemathesis.openapi.from_asgi("/openapi.json", app, config=config, headers=HOST)).execute():
        if isinstance(event, FatalError | NonFatalError):
            found.append(f"{event!r}")
        for case, checks in event.recorder.checks.items() if isinstance(event, ScenarioFinished) else ():
            made.update(check.name for check in checks)
            found += [f"{event.recorder.label} {event.recorder.cases[case].value.as_curl_command()}: {check.failure_info.failure}"
                      for check in checks if check.failure_info]
    return found, made


def test_schemathesis_finds_nothing(app: FastAPI) -> None:
    found, made = faults(app, examples=2, whole=False)
    assert not found, found[0]
    assert made["not_a_server_error"] >= 40 and made["ignored_auth"] >= 40 and len(made) >= 12


@pytest.mark.slow
def test_schemathesis_finds_nothing_in_all_its_phases(app: FastAPI) -> None:
    found, made = faults(app, examples=40, whole=True)
    assert not found, found[0]
    assert made["not_a_server_error"] > 3000


def test_schemathesis_finds_a_planted_fault(app: FastAPI) -> None:
    app.state.jobs.page = lambda *_: 1 / 0
    app.state.models.all = lambda: (_ for _ in ()).throw(Refusal(418, "planted"))
    found, _ = faults(app, examples=1, whole=False)
    assert any("ZeroDivisionError" in one for one in found) and any("GET /api/v1/compression/models " in one for one in found)
