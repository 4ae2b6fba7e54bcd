from __future__ import annotations

import pytest
import torch

from pipeline.compress.model import open_model, write_model
from pipeline.compress.report import relative_error
from tests.compress.calibrated import outputs, round_to_nearest, source_of, tensors
from tests.export.tiny_qwen3 import build, compress

FIRST = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
LARGE = 40  # times the other inputs


@pytest.fixture(scope="module")
def salient(tmp_path_factory):
    """A model of one layer, three of whose inputs are large, as a trained model's few are."""
    folder = tmp_path_factory.mktemp("awq")
    model = open_model(build(folder / "whole", layers=1))
    with torch.no_grad():
        for norm in (model.model.layers[0].input_layernorm, model.model.layers[0].post_attention_layernorm):
            norm.weight[[3, 20, 41]] *= LARGE
    (folder / "salient").mkdir()
    write_model(model, folder / "whole", folder / "salient")
    return folder / "salient"


@pytest.fixture(scope="module")
def awq(salient, tmp_path_factory):
    out = tmp_path_factory.mktemp("awq-out") / "out"
    compress("awq", out, source_of(salient, out.parent), group=32)
    return out


def test_large_inputs_are_kept_better_than_by_rounding_to_nearest(salient, awq, tmp_path, record_property):
    source = source_of(salient, tmp_path)
    exact = outputs(salient, source, FIRST).numpy()
    nearest = relative_error(exact, outputs(round_to_nearest(salient, tmp_path / "rtn"), source, FIRST).numpy())
    found = relative_error(exact, outputs(awq, source, FIRST).numpy())
    record_property("errors of AWQ and RTN", (found, nearest))
    assert 0 < found < 0.6 * nearest


def test_norms_take_up_the_scales_and_the_embedding_stays(salient, awq):
    stored, before = tensors(awq), tensors(salient)
    assert torch.equal(stored["model.embed_tokens.weight"], before["model.embed_tokens.weight"])
    ratio = before["model.layers.0.input_layernorm.weight"] / stored["model.layers.0.input_layernorm.weight"]
    assert ratio[[3, 20, 41]].min() > 1.5 * ratio.median()
    assert stored["model.layers.0.mlp.down_proj.weight_packed"].dtype == torch.int32


def test_the_same_seed_gives_the_same_bytes_and_no_word(salient, awq, tmp_path, capfd):
    compress("awq", tmp_path / "out", source_of(salient, tmp_path), group=32)
    assert capfd.readouterr() == ("", "")
    assert (tmp_path / "out" / "model.safetensors").read_bytes() == (awq / "model.safetensors").read_bytes()


def test_the_library_is_left_as_it_was(awq):
    from llmcompressor.pipelines.cache import IntermediatesCache

    assert IntermediatesCache.pin_memory.__name__ == "pin_memory"
