"""A suite with no model at all, run through the real plugin."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CLAIM = {"title": "right often enough", "caption": "足够准确", "phase": "1 toy", "source": "toy", "metric": "accuracy",
         "unit": "proportion",
         "statistic": "proportion", "comparison": ">", "target": 0.9, "about": "behaviour"}
GATE = {"red": ["fail", "inconclusive", "invalid"], "regression_confidence": 0.99}
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


@pytest.fixture
def suite(pytester, monkeypatch):
    """suite(tests, *arguments) -> result of pytest on these tests with the plugin and four toy claims."""
    pytester.makeconftest('pytest_plugins = ["fixtures.plugin"]')
    pytester.path.joinpath("thresholds.yaml").write_text(yaml.safe_dump(THRESHOLDS, allow_unicode=True))
    pytester.makeini("[pytest]\nmarkers =\n    claim(id): x\n    m4: x\naddopts = --strict-markers -p no:cacheprovider\n")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def run(tests, *arguments, subprocess=False):
        pytester.makepyfile(HEADER + tests)
        method = pytester.runpytest_subprocess if subprocess else pytester.runpytest_inprocess
        return method(*arguments)

    return run
