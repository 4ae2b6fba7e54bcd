"""Each planted fault turns exactly the claims red that it breaks, and leaves the others as they were."""

import os
import shutil

import pytest

from pipeline.report import render_all
from pipeline.verdict.thresholds import read_thresholds
from tests.faults.conftest import DECIDED, ROOT, WITHOUT_JOINT, WITHOUT_TIMING

BASELINES = {f"routing.beats_{policy}" for policy in ("always_edge", "always_cloud", "rules", "random")}
ROUTING = {"routing.accuracy", "routing.edge_share", *BASELINES}
KEPT = {"routing.cloud_kept"}
ACCURACY = {"accuracy.merged", "accuracy.int8"}
LATENCY = {"latency.p50", "latency.p95"}
CLOSE = ACCURACY | {"routing.edge_share"}
"""The small base is not surely above these targets; a fault has to throw them far below."""
pytestmark = pytest.mark.slow  # each runs a whole suite, and whoever measures in it keeps every other test of the machine waiting
ELSEWHERE = ("8 functions", "10 compression", "11 Core ML", "12 MLX", "13 LiteRT", "15 assistant")


def test_without_a_fault_the_claims_about_behaviour_pass(healthy):
    """And so do those about scale that a small model cannot miss: only what passes here can be seen to break below.

    The functions are trained where --functions asks for them, and compression and the formats of devices have planted faults of their
    own: none of them is run here.
    """
    behaviour = {name for name, target in read_thresholds(ROOT / "thresholds.yaml").claims.items()
                 if target.about == "behaviour" and target.phase not in ELSEWHERE}
    small = {"training.lora_parameters", "quantization.size", "onnx.size"}
    assert (behaviour - CLOSE) | small | LATENCY <= healthy.of_state("pass"), healthy.output
    assert not healthy.of_state("invalid")


def test_a_real_record_renders_to_every_report(healthy):
    written = {path.name for path in render_all(healthy.reports / "results.json", healthy.reports)}
    assert {"edge_poc_performance_report.md", "edge_poc_accuracy_report.md", "edge_poc_integration_report.md", "table.svg",
            "training.png", "overview_1.pdf"} <= written


def test_shuffled_labels_break_accuracy_and_routing_but_no_comparison_between_models(acceptance, healthy):
    """What the models decide is the healthy run's: no label has a part in it."""
    outcome = acceptance(DECIDED.format(folder=str(healthy.decided)) + """
import random
import pytest

@pytest.fixture(scope="session")
def challenge(challenge):
    answers = [{key: record[key] for key in ("intent", "should_route_to_cloud")} for record in challenge]
    random.Random(1).shuffle(answers)
    return [{**record, **answer} for record, answer in zip(challenge, answers)]
""", select=WITHOUT_TIMING)
    assert outcome.broken(healthy) == (ACCURACY | ROUTING | KEPT) & healthy.of_state("pass"), outcome.output
    assert outcome.of_state("fail") >= ACCURACY | {"routing.accuracy", "routing.edge_share"} and not outcome.of_state("invalid")
    assert all(outcome.claims[claim]["verdict"]["value"] < 0.3 for claim in ACCURACY)


def test_a_layer_zeroed_after_quantisation_breaks_what_ships_but_not_what_was_trained(acceptance, healthy):
    """The first layer, without which the others read noise.  A middle one of this base adds so little to its input that
    zeroing it changes few answers, and the claims, which are about answers, rightly hold.  What is left of a base that another
    processor rounded may still beat a baseline, or be sure of nothing and so keep nothing wrongly on the device.
    """
    outcome = acceptance("""
import dataclasses
import shutil
import numpy
import onnx
import pytest

@pytest.fixture(scope="session")
def int8_model(int8_model, tmp_path_factory):
    broken = tmp_path_factory.mktemp("broken") / "model"
    shutil.copytree(int8_model.model, broken)
    graph = onnx.load(broken / "model.onnx")
    layer = [weight for weight in graph.graph.initializer
             if weight.name.startswith("layers.0.") and weight.name.endswith(".weight_quantized")]
    assert len(layer) == 7
    for weight in layer:
        zeros = numpy.zeros_like(onnx.numpy_helper.to_array(weight))
        weight.CopyFrom(onnx.numpy_helper.from_array(zeros, weight.name))
    onnx.save(graph, broken / "model.onnx")
    return dataclasses.replace(int8_model, model=broken)
""", select=WITHOUT_TIMING)
    shipped = {"accuracy.int8", "quantization.accuracy_loss"}
    surely = shipped | {"routing.accuracy", "routing.edge_share"}
    assert surely & healthy.of_state("pass") <= outcome.broken(healthy) <= shipped | ROUTING | KEPT, outcome.output
    assert outcome.of_state("fail") >= surely and not outcome.of_state("invalid")
    assert outcome.margin("accuracy.merged") == healthy.margin("accuracy.merged")


def test_a_sleep_in_the_runtime_breaks_what_is_timed_and_nothing_else(acceptance, healthy, tmp_path):
    """120 ms a decision, more than P95 may take.  The speed-up, of hundreds of pairs, would sleep for minutes: it is not asked."""
    slow = tmp_path / "slow"
    slow.mkdir()
    (slow / "sitecustomize.py").write_text("""
import sys
if "pipeline.measure.worker" in sys.orig_argv:
    import threading
    import time
    from pipeline.runtime.onnx_runtime import OnnxRuntime
    fast = OnnxRuntime.logits

    def logits(self, ids):
        # What is not timed is decided in a pool of threads; letting that sleep too would take minutes and show nothing.
        if threading.current_thread() is threading.main_thread():
            time.sleep(0.12)
        return fast(self, ids)

    OnnxRuntime.logits = logits
""")
    outcome = acceptance("", select=f"{WITHOUT_JOINT} and not fast", environment={"PYTHONPATH": [str(slow)]})
    assert outcome.broken(healthy) == LATENCY, outcome.output
    assert outcome.of_state("fail") >= LATENCY and not outcome.of_state("invalid")
    assert all(outcome.claims[claim]["verdict"]["lower"] >= 120 for claim in LATENCY)


def link_or_copy(source, target):
    """A hard link where both lie on one file system: the store is large."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def test_a_flipped_byte_in_the_store_is_named_and_breaks_only_what_needs_it(acceptance, healthy, reference_store, tmp_path):
    store = tmp_path / "store"
    shutil.copytree(reference_store, store, copy_function=link_or_copy)
    key = healthy.claims["accuracy.int8"]["measurement"]["artifacts"]["onnx-int8"]
    model = store / "objects" / key / "files" / "model.onnx"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.unlink()
    model.write_bytes(content)
    outcome = acceptance("", store=store)
    assert outcome.of_state("invalid") == healthy.users(key), outcome.output
    assert outcome.broken(healthy) == healthy.users(key) & healthy.of_state("pass")
    message = outcome.claims["accuracy.int8"]["verdict"]["message"]
    assert "model.onnx" in message and key[:12] in message
    assert "Traceback" not in outcome.output


def test_a_store_on_another_file_system_is_copied(tmp_path, monkeypatch):
    def refuse(source, target):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "here").write_text("whole")
    link_or_copy(tmp_path / "here", tmp_path / "there")
    assert (tmp_path / "there").read_text() == "whole"


def test_a_broken_model_directory_is_one_line_and_no_verdict(acceptance, tmp_path):
    broken = tmp_path / "mine"
    broken.mkdir()
    (broken / "config.json").write_text("{")
    outcome = acceptance("", "--profile", "qwen3-0.6b", "--model", str(broken))
    (line,) = filter(None, outcome.output.splitlines())
    assert line.startswith(f"ERROR: {broken / 'config.json'}: expected a model's configuration as JSON")
    assert outcome.code == 4 and not outcome.reports.exists()
