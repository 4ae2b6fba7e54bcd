"""``edge plan``: every line is a prediction, none a pass; what it refuses, it refuses in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.export import coreml, litert_conversion, onnx_coreml
from pipeline.export.formats import device_formats
from pipeline.plan.candidate import FORMATS, PADDED, candidate
from pipeline.plan.claims import SHIPPED, Beside, Expectation, compared, expectations, mean_off, subject_of
from pipeline.plan.device import devices, load_device
from pipeline.plan.prediction import Range
from pipeline.profile import load_profile
from pipeline.report.results import claims, write_results
from pipeline.runtime.static_lengths import lengths_up_to
from pipeline.verdict.thresholds import read_thresholds

ROOT = Path(__file__).parents[2]
TARGETS = read_thresholds(ROOT / "thresholds.yaml").claims
REFERENCE = ("--profile", "reference", "--thresholds", str(ROOT / "thresholds.yaml"))


def claim(name: str, value: float | None) -> dict:
    target = TARGETS[name].model_dump()
    return {**target, "verdict": {"state": "pass", "value": value, "n": 1}, "measurement": {"shape": "exact", "artifacts": {}}}


def record(*entries: dict, profile: str = "reference", chip: str = "Apple M4") -> dict:
    host = {"chip": chip, "cpu": chip or "Xeon", "machine": "arm64"}
    return {"version": 1, "run": {"profile": profile, "host": host}, "claims": list(entries)}


@pytest.mark.parametrize("device", devices())
def test_each_device_gets_predictions_and_no_verdict_that_was_measured(device, capsys):
    assert main(["plan", "--device", device, *REFERENCE]) == 0
    out = capsys.readouterr().out
    assert "prediction of" in out and "nothing was measured" in out and "recommended" in out
    rows = [line.rstrip() for line in out.partition("\ndocumented target")[2].splitlines()[1:] if "  " in line]
    words = {row.rsplit("  ", 1)[-1].strip() for row in rows}
    assert words <= {"expected pass", "expected fail", "too close to tell", "no prediction"}
    assert len(words) > 1


@pytest.mark.parametrize(("low", "high", "comparison", "says"), [
    (1, 9, "<", "expected pass"), (1, 10, "<", "too close to tell"), (10, 20, "<", "expected fail"),
    (11, 20, ">", "expected pass"), (10, 20, ">", "too close to tell"), (1, 10, ">", "expected fail")])
def test_an_expectation_is_as_sure_as_its_range(low, high, comparison, says):
    target = TARGETS["latency.p50"].model_copy(update={"target": 10.0, "comparison": comparison})
    assert Expectation(target, "int8", Range(low, (low + high) / 2, high)).verdict == says
    assert Expectation(target, "", None).verdict == "no prediction"


def test_every_subject_can_be_predicted():
    for name in TARGETS:
        if (subject := subject_of(name)) not in ("", SHIPPED):
            candidate(subject, load_profile("reference"))


def test_every_format_can_be_predicted():
    assert set(FORMATS) == set(device_formats())


def test_prompts_are_padded_to_what_the_exporters_pad_them_to():
    """Written twice, for the exporters import torch and a prediction does not."""
    longest = load_profile("reference").prompt.max_length
    made = {"coreml": lengths_up_to(longest, coreml.LENGTHS), "litert": litert_conversion.lengths(longest),
            "onnx-coreml": lengths_up_to(longest, onnx_coreml.VARIANTS["fp16"]["lengths"])}
    assert {engine: list(lengths) for engine, lengths in PADDED.items()} == made


def test_what_ships_is_what_the_profile_and_the_record_say():
    target = {"latency.p95": TARGETS["latency.p95"]}
    named = [expectations(target, load_device("m4"), load_profile("reference", format=name))[0].subject for name in ("", "coreml-int8")]
    assert named == ["int8", "coreml-int8"]
    results = record(claim("latency.p95", 9.0))
    results["run"]["profile_config"] = {"serve": {"format": "mlx-4bit"}}
    assert compared(results, load_device("m4"), load_profile("reference"))[0].subject == "mlx-4bit"


def test_names_tell_what_a_claim_is_about():
    named = [subject_of(name) for name in ("coreml.palette4_accuracy_loss", "mlx.p95", "neural_engine.p95", "data.valid")]
    assert named == ["coreml-palette4", "mlx-4bit", "coreml-int8", ""]


def test_a_runs_figures_stand_beside_their_predictions(tmp_path, capsys):
    results = record(claim("latency.p50", 1e9), claim("memory.peak_rss", 80.0), claim("latency.p95", None), claim("accuracy.int8", 0.9))
    path = tmp_path / "results.json"
    write_results(path, results)
    assert main(["plan", "--device", "m4", *REFERENCE, "--measured", str(path)]) == 0
    out = capsys.readouterr().out
    assert "measured on Apple M4, predicted for Apple M4" in out and "two machines" not in out
    rows = {beside.claim.id: beside for beside in compared(results, load_device("m4"), load_profile("reference"))}
    assert set(rows) == {"latency.p50", "memory.peak_rss"} and rows["latency.p50"].ratio < 1e-6
    assert not rows["latency.p50"].inside and rows["memory.peak_rss"].inside and "1 of 2 inside" in out


def test_another_machine_is_told_and_another_profile_refused(tmp_path, capsys):
    path = tmp_path / "results.json"
    write_results(path, record(claim("memory.peak_rss", 80.0), chip="Apple M3"))
    main(["plan", "--device", "m4", *REFERENCE, "--measured", str(path)])
    assert "these are two machines" in capsys.readouterr().out
    write_results(path, record(profile="other"))
    assert main(["plan", "--device", "m4", *REFERENCE, "--measured", str(path)]) == 2
    assert "found one of other; add --profile other" in capsys.readouterr().err


def test_errors_on_average_count_both_directions_alike():
    (one,) = claims(record(claim("latency.p50", 10.0)))
    off = [Beside(one, "int8", Range(1, point, 99)) for point in (5.0, 20.0)]
    assert mean_off(off) == pytest.approx(2.0)


def test_the_check_shows_each_figure_with_its_source(capsys):
    assert main(["plan", "--check"]) == 0
    out = capsys.readouterr().out
    assert "the project plan" in out and "mlx-lm BENCHMARKS.md" in out and " 561 " in out


@pytest.mark.parametrize(("arguments", "says"), [
    ((), "--device: expected one of a18"), (("--device", "m5"), "device 'm5': expected one of"),
    (("--device", "m4", "--recipe", "nope"), "recipe 'nope'"), (("--device", "m4", "--format", "mlx-1bit"), "format 'mlx-1bit'"),
    (("--device", "x86", "--format", "mlx-4bit"), "expected an engine of onnx"),
    (("--device", "m4", "--weights-mb", "nan"), "--weights-mb"),
    (("--device", "m4", "--weights-mb", "-5"), "--weights-mb"), (("--device", "m4", "--weights-mb", "1e9"), "--weights-mb"),
    (("--device", "m4", "--measured", "nowhere.json"), "expected the record of a run, found none"),
    (("--device", "m4", "--thresholds", "nowhere.yaml"), "nowhere.yaml"),
])
def test_mistakes_are_one_line(arguments, says, capsys):
    assert main(["plan", "--profile", "reference", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
