"""A suite with no model at all, run through the real plugin."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CLAIM = {"title": "right often enough", "caption": "足够准确", "phase": "1 toy", "source": "toy", "metric": "accuracy",
         "unit": "proportion",
         "statistic": "proportion", "comparison": ">", "target": 0.9, "about": "behaviour"}
GATE = {"red": ["fail", "inconclusive", "regressed", "stopped"], "regression_confidence": 0.99}
THRESHOLDS = {"version": 1, "confidence": 0.95, "gate": GATE,
              "claims": {"toy.accuracy": CLAIM, "toy.other": CLAIM, "toy.scale": {**CLAIM, "about": "scale"},
                         "toy.m4": {**CLAIM, "host": "m4"}}}
HEADER = """
import pytest
from pipeline.errors import EdgeError
from pipeline.measure.measurement import NotMeasured, Proportion

def answers(right, n, **more):
    return Proportion("accuracy", "proportion", outcomes=[1] * right + [0] * (n - right), **more)
"""

ALONE_OR_IN_TWO = pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
"""Three processes are started for two workers; that they give the same record is `make test`'s too (test_plugin.py, test_benchmark.py)."""


@pytest.fixture
def suite(pytester, monkeypatch):
    """suite(tests, *arguments) -> result of pytest on these tests with the plugin and four toy claims."""
    pytester.makeconftest('pytest_plugins = ["fixtures.model"]')
    pytester.path.joinpath("thresholds.yaml").write_text(yaml.safe_dump(THRESHOLDS, allow_unicode=True))
    pytester.makeini("[pytest]\nmarkers =\n    claim(id): x\n    m4: x\naddopts = --strict-markers -p no:cacheprovider\n")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def run(tests, *arguments, subprocess=False):
        pytester.makepyfile(HEADER + tests)
        method = pytester.runpytest_subprocess if subprocess else pytester.runpytest_inprocess
        return method(*arguments)

    return run
