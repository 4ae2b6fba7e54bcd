"""Each planted fault turns exactly the claims red that it breaks, and leaves the others as they were."""

import os
import shutil

from pipeline.report import render_all

ROUTING = {"routing.accuracy", "routing.edge_share", "routing.beats_always_edge", "routing.beats_always_cloud"}
ACCURACY = {"accuracy.merged", "accuracy.int8"}


def test_without_a_fault_everything_but_accuracy_passes(healthy):
    """Accuracy is what the reference base reaches; a fault must push it far further than it is from its target."""
    assert {"data.valid", "quantization.accuracy_loss", "onnx.agreement", "routing.accuracy"} <= healthy.of_state("pass"), healthy.output
    assert all(healthy.claims[claim]["verdict"]["value"] > 0.8 for claim in ACCURACY)


def test_a_real_record_renders_to_every_report(healthy):
    written = {path.name for path in render_all(healthy.reports / "results.json", healthy.reports)}
    assert {"edge_poc_performance_report.md", "edge_poc_accuracy_report.md", "edge_poc_integration_report.md", "table.svg",
            "training.png", "overview.pdf"} <= written


def test_shuffled_labels_break_accuracy_and_routing_but_no_comparison_between_models(acceptance, healthy):
    outcome = acceptance("""
import random
import pytest

@pytest.fixture(scope="session")
def challenge(challenge):
    answers = [{key: record[key] for key in ("intent", "should_route_to_cloud")} for record in challenge]
    random.Random(1).shuffle(answers)
    return [{**record, **answer} for record, answer in zip(challenge, answers)]
""")
    assert ACCURACY | ROUTING <= outcome.red, outcome.output
    assert outcome.broken(healthy) <= ACCURACY | ROUTING
    assert all(outcome.claims[claim]["verdict"]["value"] < 0.3 for claim in ACCURACY)


def test_weights_zeroed_after_quantisation_break_what_ships_but_not_what_was_trained(acceptance, healthy):
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
    matrices = [node.input[1] for node in graph.graph.node if node.op_type == "MatMulInteger"][:7]
    for weight in graph.graph.initializer:
        if weight.name in matrices:
            zeros = numpy.zeros_like(onnx.numpy_helper.to_array(weight))
            weight.CopyFrom(onnx.numpy_helper.from_array(zeros, weight.name))
    onnx.save(graph, broken / "model.onnx")
    return dataclasses.replace(int8_model, model=broken)
""")
    assert {"accuracy.int8", "quantization.accuracy_loss"} <= outcome.of_state("fail"), outcome.output
    assert outcome.broken(healthy) <= {"accuracy.int8", "quantization.accuracy_loss"} | ROUTING
    assert outcome.margin("accuracy.merged") == healthy.margin("accuracy.merged")


def test_a_sleep_in_the_runtime_breaks_latency_and_nothing_else(acceptance, tmp_path):
    slow = tmp_path / "slow"
    slow.mkdir()
    (slow / "sitecustomize.py").write_text("""
import sys
if "pipeline.measure.worker" in sys.orig_argv:
    import time
    from pipeline.runtime.onnx_runtime import OnnxRuntime
    fast = OnnxRuntime.logits
    OnnxRuntime.logits = lambda self, ids: (time.sleep(0.12), fast(self, ids))[1]
""")
    outcome = acceptance("", select="p50 or p95 or small or data", everywhere=True, environment={"PYTHONPATH": [str(slow)]})
    assert outcome.red == {"latency.p50", "latency.p95"}, outcome.output
    assert outcome.claims["latency.p50"]["verdict"]["lower"] >= 120
    assert outcome.of_state("pass") == {"data.valid", "training.lora_parameters", "quantization.size", "onnx.size"}


def test_a_flipped_byte_in_the_store_is_named_and_breaks_only_what_needs_it(acceptance, healthy, reference_store, tmp_path):
    store = tmp_path / "store"
    shutil.copytree(reference_store, store, copy_function=os.link)
    key = healthy.claims["accuracy.int8"]["measurement"]["artifacts"]["onnx-int8"]
    model = store / "objects" / key / "files" / "model.onnx"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.unlink()
    model.write_bytes(content)
    outcome = acceptance("", select="accurate or agrees or routes or data", store=store)
    assert outcome.of_state("invalid") == {"accuracy.int8", "routing.accuracy"}, outcome.output
    assert outcome.broken(healthy) == {"routing.accuracy"} | ({"accuracy.int8"} & healthy.of_state("pass"))
    message = outcome.claims["accuracy.int8"]["verdict"]["message"]
    assert "model.onnx" in message and key[:12] in message
    assert "Traceback" not in outcome.output


def test_a_broken_model_directory_is_one_line_and_no_verdict(acceptance, tmp_path):
    broken = tmp_path / "mine"
    broken.mkdir()
    (broken / "config.json").write_text("{")
    outcome = acceptance("", "--profile", "qwen3-0.6b", "--model", str(broken), select="accurate")
    assert outcome.code == 1 and outcome.red == {"accuracy.merged", "accuracy.int8"}
    assert "config.json" in outcome.claims["accuracy.merged"]["verdict"]["message"]
    assert "Traceback" not in outcome.output
