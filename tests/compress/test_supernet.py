"""A supernet: its layers may be missing, and `depth` picks among them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from pipeline.compress import technique
from pipeline.compress.calibration import answers, asked
from pipeline.compress.importance import batches
from pipeline.compress.lessons import read_queries, teach
from pipeline.compress.model import decoder_layers, open_model
from pipeline.compress.plan import plan_of
from pipeline.compress.techniques.depth import Settings, choose_layers, keep, kept_loss
from pipeline.compress.techniques.supernet import drawn, layers_left_out
from pipeline.compress.training import judge
from pipeline.errors import EdgeError
from tests.compress.healing import weights_of
from tests.compress.pruned import source_of
from tests.export.tiny_qwen3 import compress

HERE = {"transfer": 0, "epochs": 3.0, "batch_size": 16, "learning_rate": 2e-3, "least": 1}
PAIRS = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]


@pytest.fixture(scope="module")
def supernet(taught, tmp_path_factory):
    out = tmp_path_factory.mktemp("supernet") / "model"
    compress("supernet", out, taught, **HERE)
    return out


def losses(model, lessons):
    """Of every pair of layers, really left alone, on queries that nobody was trained on."""
    found = []
    for pair in PAIRS:
        alone = open_model(model).float()
        keep(alone, list(pair))
        found.append(judge(alone, lessons)["loss"])
    return found


def test_any_choice_of_its_layers_works_without_more_training(taught, supernet):
    held_out, = teach(taught, read_queries(taught, taught.validation))
    ours, theirs = losses(supernet, held_out), losses(taught.model, held_out)
    assert all(our < their for our, their in zip(ours, theirs, strict=True)) and sum(ours) < 0.8 * sum(theirs)
    assert judge(open_model(supernet), held_out)["loss"] < max(ours)  # and it is a model of its own with all of them
    assert plan_of(supernet) == plan_of(taught.model)


def test_it_is_the_same_twice(taught, tmp_path):
    for out in ("one", "two"):
        compress("supernet", tmp_path / out, taught, **{**HERE, "epochs": 0.3})
    assert weights_of(tmp_path / "one") == weights_of(tmp_path / "two") != weights_of(taught.model)


def test_a_layer_that_is_left_out_takes_no_part(taught):
    """Exactly what the model without these layers says; in evaluation, and afterwards, all take part."""
    model, ids = open_model(taught.model), torch.arange(5, 25)[None]
    left = drawn(ids, 4, 1, seed=3)
    with torch.no_grad():
        whole = model(input_ids=ids, use_cache=False).logits
        with layers_left_out(model, 1, seed=3):
            assert torch.equal(model.eval()(input_ids=ids, use_cache=False).logits, whole)
            fewer = model.train()(input_ids=ids, use_cache=False).logits
        assert torch.equal(model.eval()(input_ids=ids, use_cache=False).logits, whole) and not model.model._forward_pre_hooks
        alone = open_model(taught.model)
        keep(alone, sorted(left))
        assert torch.equal(alone(input_ids=ids, use_cache=False).logits, fewer) and len(left) < 4


def test_every_number_of_layers_is_as_likely_and_every_layer_too():
    kept = [drawn(torch.tensor([[at, at + 1]]), 5, 2, seed=1) for at in range(3000)]
    sizes = [sum(len(one) == size for one in kept) for size in range(6)]
    assert sizes[:2] == [0, 0] and all(abs(size - 750) < 100 for size in sizes[2:])
    assert all(abs(sum(layer in one for one in kept) - 2100) < 100 for layer in range(5))
    assert kept[:20] != [drawn(torch.tensor([[at, at + 1]]), 5, 2, seed=2) for at in range(20)]


def test_depth_exchanges_until_no_exchange_helps(taught, supernet):
    """Where four layers are two, all six pairs can be tried: none is better than the one that it picks by one exchange."""
    source = replace(taught, model=supernet)
    _, kept, dropped = choose_layers(source, Settings(layers=2, method="exchange"))
    model, prompts, labels = open_model(supernet, torch.float32), batches(asked(source, 16)), answers(source)
    with torch.inference_mode():
        by_pair = dict(zip(PAIRS, kept_loss(model, prompts, labels, PAIRS), strict=True))
    assert sorted(kept + dropped) == [0, 1, 2, 3]
    assert all(by_pair[tuple(kept)] <= loss for pair, loss in by_pair.items() if len({*pair, *kept}) == 3)


def test_kept_loss_by_definition(taught):
    """By transformers alone, of the model that has these layers only; all of them lose nothing."""
    model, prompts, labels = open_model(taught.model, torch.float32), asked(taught, 8), answers(taught)

    def shares(kept):
        alone = open_model(taught.model, torch.float32)
        keep(alone, list(kept))
        return torch.stack([alone(input_ids=torch.tensor([one.ids]), use_cache=False).logits[0, -1, labels]
                            for one in prompts]).double().log_softmax(-1)

    with torch.inference_mode():
        found = kept_loss(model, batches(prompts), labels, [(0, 3), (0, 1, 2, 3)])
        exact = shares(range(4))
        expected = float((exact.exp() * (exact - shares((0, 3)))).sum(-1).mean())
    assert found[0] == pytest.approx(expected, rel=1e-3) and found[1] == pytest.approx(0, abs=1e-9)


def test_layers_kept_by_number(tmp_path):
    source = source_of(tmp_path, layers=4)
    compress("depth", tmp_path / "out", source, kept=[3, 0])
    report = json.loads((tmp_path / "out" / "compression.json").read_text())
    assert report["kept"] == [0, 3] and report["dropped"] == [1, 2] and report["importance"] == {}
    before, after = (open_model(folder) for folder in (source.model, tmp_path / "out"))
    assert torch.equal(decoder_layers(after)[1].mlp.up_proj.weight, decoder_layers(before)[3].mlp.up_proj.weight)
    assert technique("depth").predict(plan_of(source.model), Settings(kept=[3, 0])).layers == 2


@pytest.mark.parametrize(("kept", "said"), [
    ([0, 4], r"kept: expected layers of 0 to 3, each once, found \[0, 4\]; mend the recipe"),
    ([0, 0], r"kept: expected layers of 0 to 3, each once, found \[0, 0\]; mend the recipe"),
    ([], "expected to keep 1 to 3 of 4 layers, found 0; lower what is kept"),
    ([0, 1, 2, 3], "expected to keep 1 to 3 of 4 layers, found 4; lower what is kept"),
])
def test_layers_that_cannot_be_kept_are_one_line(tmp_path, kept, said):
    source = source_of(tmp_path, layers=4)
    with pytest.raises(EdgeError, match=said):
        compress("depth", tmp_path / "out", source, kept=kept)


def test_as_many_layers_as_must_stay_leave_nothing_to_learn(taught, tmp_path):
    with pytest.raises(EdgeError, match="least: expected fewer than the model's 4 layers, found 4; lower it"):
        compress("supernet", tmp_path / "out", taught, transfer=0, least=4)
