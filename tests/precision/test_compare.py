"""The whole comparison on a real, tiny model: FP8 beside its original, bytes counted by hand, and what could not be compared."""

from __future__ import annotations

import json
import shutil
from math import exp

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.compress import Source
from pipeline.errors import EdgeError
from pipeline.measure.measurement import NotMeasured, Sample
from pipeline.precision import Texts, compare
from pipeline.precision.answers import Answers
from pipeline.precision.stored import bytes_of, made_by
from pipeline.runtime.torch_runtime import load_model
from tests.export.tiny_qwen3 import build, compress

TEXTS = Texts("queries", ("今天天气怎么样", "现在几点了", "If it rains tomorrow, 出门要不要带伞？"))


@pytest.fixture(scope="module")
def fp8(merged, tmp_path_factory):
    out = tmp_path_factory.mktemp("quantised") / "fp8"
    compress("fp8", out, Source(merged))
    asked = {"backend": "angelslim", "method": "fp8-dynamic"}
    (out / "quantization.json").write_text(json.dumps(
        {"backend": "llmcompressor", "method": "fp8-dynamic", "asked": asked, "fallback": "not installed", "seconds": 1.5}))
    return out


def test_a_model_is_held_against_its_original_whole(merged, fp8):
    answered = {"original": {"mmlu": Answers(["a", "b"], [1, 1])}, "fp8": {"mmlu": Answers(["b", "a"], [0, 1])}}
    sample = Sample("latency", "ms", details={"p50": 2.0, "p95": 3.0}, values=[2.0, 3.0])
    served = {"fp8": {"latency": sample, "memory": Sample("peak_rss", "MB", values=[50.0, 60.0])},
              "original": {"latency": NotMeasured("latency", "ms", reason="nobody exported it")}}
    first, row = compare(merged, {"fp8": fp8}, TEXTS, answered=answered, served=served).to_json()["rows"]
    assert 0 < row["divergence"]["value"] < 0.1 and 0.5 < row["agreement"]["value"] <= 1 and row["agreement"]["texts"] == 3
    assert row["perplexity"]["candidate"] == pytest.approx(first["perplexity"]["candidate"] * row["perplexity"]["ratio"]["value"])
    assert len(row["layers"]) == 2 and len(row["weights"]) == 14
    sides = [layer[kind] for layer in row["layers"] for kind in ("alone", "through")]
    assert all(0.9 < side["cosine"] < 1 and 0 < side["error"] < 0.5 for side in sides)
    assert all(0.99 < one["cosine"] < 1 and 0 < one["error"] < 0.1 for one in row["weights"].values())
    assert row["seconds"] == 1.5 and row["made_by"] == "llmcompressor fp8-dynamic, in place of angelslim fp8-dynamic: not installed"
    assert row["tasks"]["mmlu"]["loss"]["value"] == 0.5
    assert row["served"] == {"p50_ms": 2, "p95_ms": 3, "per_second": 400, "peak_rss_mb": 60, "invalid": {}}
    assert first["served"] == {"reason": "nobody exported it"}


def test_a_running_text_is_read_in_whole_blocks_as_its_perplexity_is_published(merged, fp8):
    """Frantar et al. 2023: the exponential of the mean loss of the blocks, each read by itself from its first token on."""
    running = Texts("wikitext", ("今天天气怎么样", "", "If it rains tomorrow, 出门要不要带伞？", "", "现在几点了") * 20, 128)
    first, row = compare(merged, {"fp8": fp8}, running, length=16, stride=8).to_json()["rows"]
    with torch.inference_mode():
        model = load_model(merged)
        losses = [float(model(input_ids=(ids := torch.tensor([block])), labels=ids).loss) for block in running.encoded(merged)]
    assert len(losses) > 2 and first["perplexity"]["candidate"] == pytest.approx(exp(sum(losses) / len(losses)), rel=1e-4)
    assert row["perplexity"]["ratio"]["texts"] == len(losses) and row["perplexity"]["ratio"]["lower"] is not None


def test_bytes_are_counted_with_their_scales(merged, fp8, tmp_path):
    tensors = load_file(fp8 / "model.safetensors")
    matrices = {name for name in tensors if name.endswith("_proj.weight")}
    stored = sum(tensors[name].nbytes + tensors[f"{name}_scale"].nbytes for name in matrices)
    found = bytes_of(merged, fp8)
    assert found["matrices"] == {"bytes": stored, "bf16": (bf16 := 2 * sum(tensors[name].numel() for name in matrices)),
                                 "share": stored / bf16}
    assert found["matrices"]["share"] > 0.5  # eight bits and a scale are more than half of sixteen
    assert found["whole"]["bytes"] == sum(tensor.nbytes for tensor in tensors.values())
    assert bytes_of(merged, merged)["matrices"]["share"] is None and made_by(merged) == ""
    both = shutil.copytree(merged, tmp_path / "both")  # a tied head, as Qwen3-0.6B's file holds it beside the embedding
    held = load_file(both / "model.safetensors")
    save_file(held | {"lm_head.weight": held["model.embed_tokens.weight"].clone()}, both / "model.safetensors", {"format": "pt"})
    assert bytes_of(both, fp8) == found


def test_a_truncated_file_is_told(merged, fp8, tmp_path):
    shutil.copytree(fp8, tmp_path / "cut")
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(EdgeError, match=r"model.safetensors"):
        bytes_of(merged, tmp_path / "cut")
    with pytest.raises(EdgeError, match="build it again"):
        compare(merged, {"cut": tmp_path / "cut"}, TEXTS)


def test_models_of_other_tokenizers_are_not_compared(merged, tmp_path):
    build(tmp_path / "other", vocab_size=500)
    with pytest.raises(EdgeError, match="expected the original's vocabulary of .*, found 500"):
        compare(merged, {"other": tmp_path / "other"}, TEXTS)


@pytest.mark.parametrize("names", [[], ["original"]])
def test_without_a_quantised_model_there_is_nothing_to_compare(merged, names):
    with pytest.raises(EdgeError, match="name at least one"):
        compare(merged, dict.fromkeys(names, merged), TEXTS)


def test_a_weight_that_is_not_a_number_is_seen(merged, fp8, tmp_path):
    shutil.copytree(fp8, tmp_path / "nan")
    tensors = load_file(fp8 / "model.safetensors")
    tensors["model.norm.weight"][0] = float("nan")
    save_file(tensors, tmp_path / "nan" / "model.safetensors", {"format": "pt"})
    with pytest.raises(EdgeError, match="not a number"):
        compare(merged, {"nan": tmp_path / "nan"}, TEXTS)
