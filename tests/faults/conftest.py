"""The acceptance suite, run on the reference profile's own artifacts with one fault planted.

The artifacts come from the store that `make accept` filled; a first run without it builds them, some minutes.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
STORE = Path(os.environ.get("EDGE_STORE") or ROOT / ".edge" / "store")


class Outcome:
    def __init__(self, process, reports):
        self.code, self.output = process.returncode, process.stdout + process.stderr
        self.claims = {}
        if (reports / "results.json").is_file():
            self.claims = {claim["id"]: claim for claim in json.loads((reports / "results.json").read_text())["claims"]}

    def of_state(self, *states):
        return {name for name, claim in self.claims.items() if claim["verdict"]["state"] in states}

    @property
    def red(self):
        return self.of_state("fail", "inconclusive", "invalid")


@pytest.fixture
def reference_store():
    return STORE


@pytest.fixture
def acceptance(tmp_path):
    """acceptance(fault, *arguments, everywhere=False) -> Outcome; ``fault`` is the conftest that overrides fixtures.

    everywhere: also judge the claims that count only on an M4 or only at scale.
    """
    def run(fault, *arguments, everywhere=False, store=STORE, environment=None):
        shutil.copytree(ROOT / "acceptance", tmp_path / "acceptance", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pytest.ini", tmp_path)
        thresholds = yaml.safe_load((ROOT / "thresholds.yaml").read_text())
        for claim in thresholds["claims"].values() if everywhere else ():
            claim.update(about="behaviour", host="any")
        (tmp_path / "thresholds.yaml").write_text(yaml.safe_dump(thresholds, allow_unicode=True, sort_keys=False))
        (tmp_path / "conftest.py").write_text('pytest_plugins = ["fixtures.plugin"]\n' + fault)
        command = [sys.executable, "-m", "pytest", "acceptance", "--store", str(store), *arguments]
        paths = {"PYTHONPATH": os.pathsep.join(filter(None, [*(environment or {}).get("PYTHONPATH", []), str(ROOT)]))}
        process = subprocess.run(command, cwd=tmp_path, env={**os.environ, **paths}, capture_output=True, text=True, timeout=900)
        return Outcome(process, tmp_path / "reports")

    return run
