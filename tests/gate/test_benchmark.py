"""The run's times in pytest-benchmark: the same with and without workers, comparable, and a slow-down fails where asked."""

import json
import subprocess
import sys

import pytest
import yaml

from tests.gate.conftest import CLAIM, THRESHOLDS

LATENCY = {**CLAIM, "metric": "latency", "unit": "ms", "statistic": "percentile", "percentile": 0.95, "comparison": "<", "target": 100}
FASTER = {**CLAIM, "metric": "speedup", "unit": "ratio", "statistic": "ratio", "comparison": ">", "target": 1.1}
TIMES = """
from pipeline.measure.measurement import PairedSample, Sample
SLOWER = {slower}

@pytest.mark.claim("toy.latency")
def test_latency(check):
    check(Sample("latency", "ms", values=[SLOWER * (10 + n % 7) for n in range(200)]))

@pytest.mark.claim("toy.speedup")
def test_speedup(check):
    check(PairedSample("speedup", "ms", reference=[20.0 + n % 3 for n in range(60)], candidate=[10.0 + n % 3 for n in range(60)]))

@pytest.mark.claim("toy.accuracy")
def test_accuracy(check):
    check(answers(980, 1000))

def test_seen(check):
    check.observe("toy.seen", "seen", "seen", "1 toy", Sample("latency", "ms", values=[1.0, 2.0]))
"""
NAMES = ["toy.latency", "toy.seen", "toy.speedup[candidate]", "toy.speedup[reference]"]


@pytest.fixture
def timed(suite, pytester):
    """timed(*arguments, slower=1.0) -> result of the suite of times; ``apart`` and with workers in a process of its own."""
    claims = {"toy.accuracy": CLAIM, "toy.latency": LATENCY, "toy.speedup": FASTER}
    pytester.path.joinpath("thresholds.yaml").write_text(yaml.safe_dump({**THRESHOLDS, "claims": claims}, allow_unicode=True))

    def run(*arguments, slower=1.0, apart=False):
        return suite(TIMES.format(slower=slower), *arguments, subprocess=apart or "-n" in arguments)

    return run


def figures(path):
    return {entry["fullname"]: (entry["stats"], entry["extra_info"]) for entry in json.loads(path.read_text())["benchmarks"]}


@pytest.mark.slow
def test_the_same_benchmarks_with_and_without_workers(timed, pytester):
    assert timed("--benchmark-json", "one.json").ret == 0
    assert timed("--benchmark-json", "two.json", "-n", "2").ret == 0
    one, two = (figures(pytester.path / name) for name in ("one.json", "two.json"))
    assert sorted(one) == NAMES and one == two
    assert figures(pytester.path / "reports" / "benchmark.json") == one


def test_times_are_in_seconds_and_have_percentiles(timed, pytester):
    timed()
    stats, extra = figures(pytester.path / "reports" / "benchmark.json")["toy.latency"]
    assert stats["rounds"] == 200 and stats["median"] == pytest.approx(0.013) and stats["max"] == pytest.approx(0.016)
    assert extra == pytest.approx({"p50": 0.013, "p90": 0.016, "p95": 0.016, "p99": 0.016})


def test_its_table_is_printed_where_one_of_its_options_asks(timed):
    timed().stdout.no_fnmatch_line("*benchmark: * tests*")
    timed("--benchmark-enable").stdout.fnmatch_lines(["*benchmark: 4 tests*", "toy.seen*", "toy.speedup[[]candidate]*"])


def test_its_compare_command_reads_what_a_run_leaves(timed, pytester):
    for name, slower in (("one.json", 1.0), ("two.json", 1.5)):
        timed(slower=slower)
        (pytester.path / "reports" / "benchmark.json").rename(pytester.path / name)
    done = subprocess.run([sys.executable, "-m", "pytest_benchmark", "compare", "one.json", "two.json", "--columns", "median"],
                          cwd=pytester.path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "toy.latency" in done.stdout and "1.50" in done.stdout


@pytest.mark.parametrize(("slower", "regressed", "workers"), [
    (1.0, False, ()), (1.5, True, ()), pytest.param(1.5, True, ("-n", "2"), marks=pytest.mark.slow),
])
def test_a_slow_down_fails_where_its_compare_asks(timed, pytester, slower, regressed, workers):
    """Workers or not; and the record of the run is there either way."""
    timed("--benchmark-autosave")
    pytester.path.joinpath("reports/results.json").unlink()
    result = timed("--benchmark-compare", "--benchmark-compare-fail=median:10%", *workers, slower=slower, apart=True)
    assert result.ret == (1 if regressed else 0)
    assert pytester.path.joinpath("reports/results.json").exists()
    if regressed:
        result.stdout.fnmatch_lines(["*right often enough*"])
        result.stderr.fnmatch_lines(["*Performance has regressed*", "*toy.latency*median*"])


def test_a_run_without_times_leaves_no_file(suite, pytester):
    suite('@pytest.mark.claim("toy.accuracy")\ndef test_a(check):\n    check(answers(980, 1000))\n')
    assert not pytester.path.joinpath("reports/benchmark.json").exists()


def test_without_pytest_benchmark_the_run_is_as_ever(timed, pytester):
    assert timed("-p", "no:benchmark").ret == 0
    assert not pytester.path.joinpath("reports/benchmark.json").exists()
