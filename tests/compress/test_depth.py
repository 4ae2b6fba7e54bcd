from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from pipeline.compress import Source, technique
from pipeline.compress.calibration import answers, asked
from pipeline.compress.importance import Walk, batches
from pipeline.compress.model import open_model
from pipeline.compress.plan import plan_of
from pipeline.compress.techniques.depth import _by_loss, _log_shares
from pipeline.errors import EdgeError
from tests.compress.pruned import compressed, logits, source_of

IDLE = 2


def idle(model):
    """Makes one layer an identity."""
    model.model.layers[IDLE].self_attn.o_proj.weight.zero_()
    model.model.layers[IDLE].mlp.down_proj.weight.zero_()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return source_of(tmp_path_factory.mktemp("depth"), idle, layers=4)


@pytest.mark.parametrize("method", ["loss", "block_influence"])
def test_an_identity_goes_first_and_nothing_changes(source, tmp_path, method):
    report = compressed("depth", source, tmp_path / "out", layers=3, method=method)
    assert report["dropped"] == [IDLE] and report["kept"] == [0, 1, 3]
    assert abs(report["importance"][str(IDLE)]) < 1e-9 < min(report["importance"][str(layer)] for layer in (0, 1, 3))
    assert torch.equal(logits(source.model, range(40)), logits(tmp_path / "out", range(40)))
    moved = {name: error for name, error in report["error"].items() if ".layers." in name}
    assert len(moved) == 3 * 11 and set(moved.values()) == {0}
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["num_hidden_layers"] == len(config["layer_types"]) == 3
    assert [layer.self_attn.layer_idx for layer in open_model(tmp_path / "out").model.layers] == [0, 1, 2]
    predicted = technique("depth").predict(plan_of(source.model), technique("depth").Settings(layers=3, method=method))
    assert replace(predicted, seconds=0) == plan_of(tmp_path / "out") == replace(plan_of(source.model), layers=3)


def test_greedy_by_definition(source):
    """Layer by layer the labels' distribution of the model that really lacks it, by transformers alone."""
    model, prompts, labels = open_model(source.model), asked(source), answers(source)
    with torch.inference_mode():
        importance, dropped = _by_loss(model, batches(prompts), labels, 2)
        whole, kept, gone = list(model.model.layers), [0, 1, 2, 3], []

        def shares(layers):
            model.model.layers = torch.nn.ModuleList(whole[layer] for layer in layers)
            model.config.num_hidden_layers = len(layers)
            found = [model(input_ids=torch.tensor([p.ids]), use_cache=False).logits[0, -1, labels] for p in prompts]
            return torch.stack(found).double().log_softmax(-1)

        exact = shares(kept)
        for _ in range(2):
            changes = {one: float((exact.exp() * (exact - shares([k for k in kept if k != one]))).sum(-1).mean()) for one in kept}
            gone.append(min(changes, key=changes.get))
            kept.remove(gone[-1])
    assert dropped == gone
    assert importance == pytest.approx({**changes, gone[0]: importance[gone[0]]}, rel=1e-3, abs=1e-7)


def test_padding_changes_nothing(source):
    """Prompts of unlike lengths in one batch give what each gives alone."""
    model, labels = open_model(source.model), answers(source)

    def last(prompts):
        batch, = batches(prompts)
        x = (walk := Walk(model, batch)).start
        for layer in range(4):
            x = walk.through(layer, x)
        return _log_shares(model, batch, x, labels)

    prompts = sorted(asked(source), key=lambda prompt: len(prompt.ids))
    assert len(prompts[0].ids) < len(prompts[-1].ids)
    with torch.inference_mode():
        torch.testing.assert_close(last(prompts), torch.cat([last([prompt]) for prompt in prompts]), rtol=0, atol=1e-4)


def test_the_same_bytes_twice_in_the_stored_type(tmp_path):
    source = source_of(tmp_path, dtype=torch.bfloat16, tie_word_embeddings=False)
    for out in ("one", "two"):
        compressed("depth", source, tmp_path / out, keep=0.5)
    one, two = ((tmp_path / out / "model.safetensors").read_bytes() for out in ("one", "two"))
    assert one == two
    model = open_model(tmp_path / "one")
    assert model.dtype == torch.bfloat16 and model.lm_head.weight is not model.model.embed_tokens.weight


def test_what_cannot_be_dropped_is_one_line(source, tmp_path):
    with pytest.raises(EdgeError, match="expected to keep 1 to 3 of 4 layers, found 4"):
        compressed("depth", source, tmp_path / "a", layers=4)
    with pytest.raises(EdgeError, match="calibration data"):
        compressed("depth", Source(source.model, prompt=source.prompt), tmp_path / "b", layers=2)
