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

from pipeline.store.place import default_store

ROOT = Path(__file__).parents[2]
STORE = default_store(ROOT)
# Those beside the targets only observe; compression and the formats of devices have planted faults of their own.
EVERY_CLAIM = "not beside and not compression and not coreml and not mlx and not litert"
WITHOUT_JOINT = f"{EVERY_CLAIM} and not joint"  # the conversations take the better part of a minute
WITHOUT_TIMING = f"{WITHOUT_JOINT} and not performance and not fast"
# A neighbour's load makes a timing invalid, which would hide what the fault did; each fault is far larger than that.
ON_A_BUSY_MACHINE_TOO = """
import pipeline.measure.conditions
pipeline.measure.conditions.BUSY_CORES = float("inf")
"""
# Where a run keeps what its models decided.
DECIDED = """
import pathlib
import pytest

@pytest.fixture(scope="session")
def run_directory():
    return pathlib.Path({folder!r})
"""


class Outcome:
    def __init__(self, code, output, reports):
        self.code, self.output, self.reports = code, output, reports
        self.decided = reports.parent
        self.claims = {}
        if (reports / "results.json").is_file():
            self.claims = {claim["id"]: claim for claim in json.loads((reports / "results.json").read_text())["claims"]}

    def of_state(self, *states):
        return {name for name, claim in self.claims.items() if claim["verdict"]["state"] in states}

    def broken(self, healthy):
        """The claims that passed before the fault and are red now."""
        return self.of_state("fail", "inconclusive", "invalid") & healthy.of_state("pass")

    def users(self, key):
        """The claims that were measured on the artifact with this key."""
        return {name for name, claim in self.claims.items() if key in claim["measurement"]["artifacts"].values()}

    def margin(self, claim):
        return self.claims[claim]["verdict"]["margin"]


@pytest.fixture(scope="session")
def healthy(tmp_path_factory):
    """The whole suite without a fault: what each planted one is held against."""
    folder = tmp_path_factory.mktemp("healthy")
    return run_acceptance(folder, DECIDED.format(folder=str(folder)))


@pytest.fixture
def reference_store():
    return STORE


@pytest.fixture
def acceptance(tmp_path):
    """acceptance(fault, *arguments, ...) -> Outcome of ``run_acceptance`` in a folder of the test's own."""
    def run(fault, *arguments, **more):
        return run_acceptance(tmp_path, fault, *arguments, **more)

    return run


def run_acceptance(folder, fault, *arguments, select=EVERY_CLAIM, store=STORE, environment=None):
    """Run a copy of acceptance/ in ``folder``; ``fault`` is the conftest that overrides fixtures.

    select: pytest's -k.  Claims that count only on an M4 or only at scale are judged as well: a fault may break them too.
    """
    copy_acceptance(folder, ON_A_BUSY_MACHINE_TOO + fault)
    process = start_acceptance(folder, "-k", select, "--store", str(store), *arguments, environment=environment)
    return outcome_of(process, folder / "reports")


def copy_acceptance(folder, plugin):
    """acceptance/ as it judges every claim on any host and profile, with ``plugin`` as the rest of its conftest."""
    shutil.copytree(ROOT / "acceptance", folder / "acceptance", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pytest.ini", folder)
    thresholds = yaml.safe_load((ROOT / "thresholds.yaml").read_text())
    for claim in thresholds["claims"].values():
        claim.update(about="behaviour", host="any")
    (folder / "thresholds.yaml").write_text(yaml.safe_dump(thresholds, allow_unicode=True, sort_keys=False))
    (folder / "conftest.py").write_text('pytest_plugins = ["fixtures.model"]\n' + plugin)


def start_acceptance(folder, *arguments, environment=None):
    paths = os.pathsep.join([*(environment or {}).get("PYTHONPATH", []), str(ROOT)])
    return subprocess.Popen([sys.executable, "-m", "pytest", "acceptance", *arguments], cwd=folder, text=True,
                            env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def outcome_of(process, reports):
    output, _ = process.communicate(timeout=900)
    return Outcome(process.returncode, output, reports)
