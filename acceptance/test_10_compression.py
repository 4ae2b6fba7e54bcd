"""Phase 10: every technique of the plan is there, and recipes of them bring the model under its limits."""

import pytest

from pipeline.measure.agreement import agreement
from pipeline.measure.cold_start import cold_start
from pipeline.measure.compression import families, formats, memory_share, size_share
from pipeline.measure.latency import latency
from pipeline.measure.loss import paired_accuracy
from pipeline.measure.memory import memory
from pipeline.measure.size import size
from pipeline.measure.speedup import speedup


@pytest.mark.claim("compression.families")
def test_every_family_of_techniques_is_there(check, recipes_shown):
    steps = {f"{made.recipe.name} {name}": step for made in recipes_shown for name, step in made.techniques.items()}
    check(families({name: step.path for name, step in steps.items()}, {name: step.key for name, step in steps.items()}))


@pytest.mark.claim("compression.formats")
def test_every_number_format_is_there(check, recipes_shown):
    models = {made.recipe.name: made.model for made in recipes_shown}
    check(formats({name: model.path for name, model in models.items()}, {f"model of {name}": model.key for name, model in models.items()}))


@pytest.mark.claim("compression.size")
def test_the_compressed_model_is_small(check, fp32_model, edge_200mb):
    check(size_share(fp32_model, edge_200mb))


@pytest.mark.claim("compression.accuracy_loss")
def test_the_compressed_model_keeps_the_accuracy(check, torch_decisions, edge_200mb_decisions, challenge):
    check(paired_accuracy(torch_decisions, edge_200mb_decisions, challenge))


@pytest.mark.claim("compression.speedup")
def test_the_compressed_model_is_fast(check, fp32_model, edge_200mb, queries):
    check(speedup(fp32_model, edge_200mb, queries))


@pytest.mark.claim("compression.memory")
def test_the_compressed_model_takes_little_memory(check, fp32_model, edge_200mb, queries):
    check(memory_share(fp32_model, edge_200mb, queries))


@pytest.mark.claim("edge_200mb.file")
def test_its_file(check, edge_200mb):
    check(size(edge_200mb, of="onnx"))


@pytest.mark.claim("edge_200mb.memory")
def test_its_memory(check, edge_200mb, queries):
    check(memory(edge_200mb, queries, definition="peak_rss"))


@pytest.mark.claim("edge_200mb.p95")
def test_its_latency(check, edge_200mb, queries, settled):
    check(latency(edge_200mb, queries, settled=settled("edge_200mb.p95")))


@pytest.mark.claim("edge_200mb.cold_start")
def test_its_cold_start(check, edge_200mb, queries):
    check(cold_start(edge_200mb, queries[0]))


@pytest.mark.claim("int8_fast.p95")
def test_all_layers_are_fast(check, int8_fast, queries, settled):
    check(latency(int8_fast, queries, settled=settled("int8_fast.p95")))


def test_the_compressed_model_beside_the_targets(check, torch_decisions, edge_200mb_decisions):
    check.observe("compression.agreement", "the compressed model agrees with the original", "压缩模型与原模型的预测一致率",
                  "10 compression", agreement(torch_decisions, edge_200mb_decisions))
