"""Real git repositories with targets, a baseline and a run's record, and `edge gate --against` in them."""

import hashlib
import json
import os
import subprocess

import pytest
import yaml

from pipeline.cli import main
from tests.gate.conftest import CLAIM

GATE = {"red": ["fail", "inconclusive", "invalid"], "regression_confidence": 0.99}
CLAIMS = {"a.rate": {**CLAIM, "smallest_n": 500, "tolerance": 0.02}, "b.rate": CLAIM}
HOST = "linux-x86_64-2c-AMD EPYC"
KEPT = {"metric": "accuracy", "unit": "proportion", "statistic": "proportion", "n": 1500, "value": 0.92}
BASELINE = {"version": 1, "profile": "reference", "host_class": HOST, "saved": "2026-01-01", "run": "r",
            "claims": {"a.rate": KEPT, "b.rate": KEPT}}
NAME = "baselines/reference.yaml"


class Project:
    """A repository that is being worked in, with thresholds.yaml and a baseline on its branch main."""

    def __init__(self, root):
        self.root = root
        self.git("init", "--quiet", "--initial-branch=main")
        self.thresholds()
        self.write(NAME, BASELINE)
        self.commit()
        self.git("switch", "--quiet", "--create", "work")

    def git(self, *words):
        who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        return subprocess.run(["git", *who, *words], cwd=self.root, check=True, capture_output=True, text=True).stdout.strip()

    def write(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True))

    def commit(self):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "x")

    def thresholds(self, name="thresholds.yaml", gate=GATE, dropped=None, without=(), confidence=0.95, **changes):
        """thresholds.yaml, with changes to the claim a.rate."""
        claims = {**CLAIMS, "a.rate": {**CLAIMS["a.rate"], **changes}}
        self.write(name, {"version": 1, "confidence": confidence, "gate": gate, "dropped": dropped or {},
                          "claims": {claim: entry for claim, entry in claims.items() if claim not in without}})

    def record(self, state="green", changes=None, without=(), **run):
        """A run's record in which each claim passed with 1,500 samples."""
        entry = {**CLAIM, "confidence": 0.95, "measurement": {"shape": "proportion"}}
        verdict = {"state": "pass", "value": 0.95, "n": 1500, "message": ""}
        claims = [{**entry, "id": name, "verdict": {**verdict, **(changes or {}).get(name, {})}} for name in CLAIMS if name not in without]
        digest = hashlib.sha256((self.root / "thresholds.yaml").read_bytes()).hexdigest()
        about = {"profile": "reference", "host": {"host_class": HOST}, "thresholds_sha256": digest, "gate": {"state": state, "red": []}}
        self.write("reports/results.json", json.dumps({"version": 1, "run": {**about, **run}, "claims": claims}))


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


@pytest.fixture
def gate(capsys):
    """gate(*arguments) -> (exit code, lines)."""
    def run(*arguments, against="main"):
        code = main(["gate", *arguments, "--against", against])
        said = capsys.readouterr()
        return code, (said.err if code == 2 else said.out).splitlines()

    return run


def refused(result, *words):
    code, (line,) = result
    assert code == 2 and line.startswith("edge: ") and all(word in line for word in words)
