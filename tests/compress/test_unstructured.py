"""Pruning that keeps shapes: magnitude, Wanda, progressive."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from pipeline.compress import Source, technique
from pipeline.compress.calibration import asked
from pipeline.compress.masks import keep_highest, keep_two_of_four
from pipeline.compress.model import matrices, open_model
from pipeline.compress.plan import plan_of
from pipeline.compress.techniques.magnitude import zero_smallest
from pipeline.compress.techniques.progressive import sparsity_at
from pipeline.data.intents import INTENTS
from pipeline.errors import EdgeError
from tests.export.tiny_qwen3 import build, compress

PROMPT = {"system": "判断意图", "max_length": 64}
QUICK = {"steps": 6, "hold": 3, "every": 2, "batch": 3, "lr": 0.01}


@pytest.fixture(scope="module")
def untied(tmp_path_factory) -> Path:
    """A model of half precision, its head a matrix of its own."""
    directory = build(tmp_path_factory.mktemp("untied") / "model", tie_word_embeddings=False)
    weights = {name: weight.bfloat16() for name, weight in load_file(directory / "model.safetensors").items()}
    save_file(weights, directory / "model.safetensors", {"format": "pt"})
    config = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps({**config, "dtype": "bfloat16"}))
    return directory


@pytest.fixture(scope="module")
def train(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("data") / "train.jsonl"
    queries = ["今天天气怎么样", "现在几点了", "出门要不要带伞", "time", "weather tomorrow", "判断"]
    file.write_text("".join(json.dumps({"query": query, "intent": intent.name}) + "\n"
                            for query, intent in zip(queries, INTENTS, strict=False)), encoding="utf-8")
    return file


@pytest.fixture
def source(merged, train) -> Source:
    return Source(merged, teacher=merged, train=train, prompt=PROMPT)


def weights(directory: Path) -> dict[str, torch.Tensor]:
    return {name: linear.weight.detach() for name, linear in matrices(open_model(directory)).items()}


def report(out: Path) -> dict:
    return json.loads((out / "compression.json").read_text())


def zeros(found: dict[str, torch.Tensor]) -> int:
    return sum(int((weight == 0).sum()) for weight in found.values())


@pytest.mark.parametrize("scope", ["global", "matrix"])
def test_the_sparsity_asked_is_the_one_found_and_the_smallest_go(source, tmp_path, scope):
    compress("magnitude", tmp_path / "out", source, sparsity=0.37, scope=scope)
    before, after = weights(source.model), weights(tmp_path / "out")
    groups = [list(before)] if scope == "global" else [[name] for name in before]
    for names in groups:
        old, new = (torch.cat([some[name].flatten() for name in names]) for some in (before, after))
        assert int((new == 0).sum()) == round(0.37 * len(old))
        assert torch.equal(new[new != 0], old[new != 0]) and old[new == 0].abs().max() <= old[new != 0].abs().min()
    found = report(tmp_path / "out")
    assert found["bytes"]["before"] == found["bytes"]["after"]
    counted = found["sparsity"]["after"] * found["parameters"]["after"]
    assert counted == pytest.approx(zeros(after), abs=1)
    shares = set(found["sparsity_by_matrix"].values())
    assert (len(shares) > 1) if scope == "global" else max(shares) - min(shares) < 1e-3


@pytest.mark.parametrize("name", ["magnitude", "wanda"])
@pytest.mark.parametrize("tied", [True, False])
def test_two_of_every_four_stay_in_every_matrix(source, untied, train, tmp_path, name, tied):
    model = source.model if tied else untied
    compress(name, tmp_path / "out", Source(model, train=train, prompt=PROMPT), pattern="2:4")
    before, after = weights(model), weights(tmp_path / "out")
    for matrix, weight in after.items():
        assert weight.dtype == before[matrix].dtype
        groups = (weight != 0).unflatten(1, (-1, 4)).sum(-1)
        assert torch.equal(groups, torch.full_like(groups, 2))
        stayed = weight != 0
        assert torch.equal(weight[stayed], before[matrix][stayed])
    stored, was = (load_file(directory / "model.safetensors") for directory in (tmp_path / "out", model))
    assert stored.keys() == was.keys() and ("lm_head.weight" in stored) is not tied
    assert all(torch.equal(stored[key], was[key]) for key in was if "proj" not in key)


@given(st.integers(1, 6), st.integers(1, 8), st.floats(0.01, 0.99), st.booleans())
@settings(max_examples=40, deadline=None)
def test_masks_keep_the_highest_and_their_number(rows, fours, sparsity, equal):
    scores = torch.ones(rows, 4 * fours) if equal else torch.randn(rows, 4 * fours).abs()
    kept = keep_highest(scores, sparsity)
    assert kept.logical_not().sum(1).eq(round(sparsity * 4 * fours)).all()
    assert all(row[~mask].max() <= row[mask].min() for row, mask in zip(scores, kept, strict=True) if 0 < mask.sum() < len(mask))
    four = keep_two_of_four(scores).unflatten(1, (-1, 4))
    assert four.sum(-1).eq(2).all() and keep_two_of_four(scores).shape == scores.shape


@given(st.lists(st.lists(st.sampled_from([0.0, 0.5, -0.5, 1.0, -2.0, 3.0]), min_size=6, max_size=6), min_size=1, max_size=4),
       st.floats(0.02, 0.98), st.sampled_from(["global", "matrix"]), st.sampled_from([torch.float32, torch.bfloat16]))
def test_as_many_as_asked_become_zero_none_larger_than_what_stays_and_the_rest_is_untouched(rows, sparsity, scope, dtype):
    linears = [torch.nn.Linear(3, 2, bias=False, dtype=dtype) for _ in rows]
    for linear, row in zip(linears, rows, strict=True):
        linear.weight.data = torch.tensor(row, dtype=dtype).view(2, 3)
    before = [linear.weight.detach().clone() for linear in linears]
    zero_smallest(linears, sparsity, scope)
    groups = [list(range(len(linears)))] if scope == "global" else [[at] for at in range(len(linears))]
    for group in groups:
        old = torch.cat([before[at].flatten() for at in group])
        new = torch.cat([linears[at].weight.detach().flatten() for at in group])
        gone, asked = (new == 0) & (old != 0), round(sparsity * len(old))
        assert int((new == 0).sum()) == max(asked, int((old == 0).sum())) and torch.equal(new[~gone], old[~gone])
        assert not gone.any() or not (new != 0).any() or old[gone].abs().max() <= new[new != 0].abs().min()


@pytest.mark.parametrize("settings_, message", [({"sparsity": 0.6, "pattern": "2:4"}, "0.5 with the pattern"),
                                                ({"sparsity": 1.0}, "less than 1"), ({"pattern": "1:4"}, "2:4")])
@pytest.mark.parametrize("name", ["magnitude", "wanda"])
def test_settings_that_contradict_are_refused(name, settings_, message):
    with pytest.raises(ValidationError, match=message):
        technique(name).Settings(**settings_)


@pytest.mark.parametrize("name", ["magnitude", "wanda", "progressive"])
def test_what_cannot_be_pruned_is_one_line(source, tmp_path, name):
    with pytest.raises(EdgeError, match="expected a sparsity that prunes some of") as caught:
        compress(name, tmp_path / "out", source, sparsity=1e-6)
    assert "\n" not in str(caught.value)
    if name == "progressive":
        return
    with pytest.raises(EdgeError, match="groups of 4 for 2:4, found 66"):
        wide = build(tmp_path / "wide", layers=1, intermediate_size=66)
        compress(name, tmp_path / "out", Source(wide, train=source.train, prompt=PROMPT), pattern="2:4")


@pytest.mark.parametrize("name, more", [("wanda", {}), ("progressive", {"steps": 2, "hold": 1})])
def test_no_data_is_one_line(merged, tmp_path, name, more):
    with pytest.raises(EdgeError, match="expected calibration data, found none"):
        compress(name, tmp_path / "out", Source(merged, teacher=merged, prompt=PROMPT), **more)


@pytest.mark.parametrize("name, more", [("magnitude", {}), ("wanda", {}), ("progressive", QUICK)])
def test_two_runs_are_the_same_bytes_and_say_nothing(source, tmp_path, name, more, capfd):
    for out in ("one", "two"):
        compress(name, tmp_path / out, source, **more)
    one, two = ((tmp_path / out / "model.safetensors").read_bytes() for out in ("one", "two"))
    assert one == two
    assert capfd.readouterr() == ("", "")


def test_wanda_follows_the_inputs_and_loses_less_than_magnitude():
    """Inputs 0 to 7 are loud: their small weights matter more than large ones elsewhere."""
    torch.manual_seed(0)
    weight, x = torch.randn(16, 32), torch.randn(100, 32)
    x[:, :8] *= 20
    wanda = technique("wanda").mask(weight.abs() * x.norm(dim=0), technique("wanda").Settings())
    magnitude = keep_highest(weight.abs(), 0.5)
    assert not torch.equal(wanda, magnitude) and wanda.sum() == magnitude.sum()
    lost = [float((x @ (weight * ~mask).T).norm()) for mask in (wanda, magnitude)]
    assert lost[0] < lost[1] / 2


def test_wanda_prunes_the_model_by_the_norms_of_its_inputs(merged, source, tmp_path):
    """The first layer's inputs are made loud where its norm is; both keep the same number in every row."""
    loud = tmp_path / "loud"
    loud.mkdir()
    for file in merged.iterdir():
        (loud / file.name).write_bytes(file.read_bytes())
    stored = load_file(merged / "model.safetensors")
    stored["model.layers.0.input_layernorm.weight"][:8] = 30.0
    save_file(stored, loud / "model.safetensors", {"format": "pt"})
    compress("wanda", tmp_path / "wanda", Source(loud, train=source.train, prompt=PROMPT))
    q = "model.layers.0.self_attn.q_proj"
    found, was = weights(tmp_path / "wanda"), weights(loud)
    assert (found[q] == 0).sum(1).eq(32).all()
    assert (found[q][:, :8] == 0).float().mean() < 0.1 < (keep_highest(was[q].abs(), 0.5)[:, :8] == 0).float().mean()


def test_wanda_measures_what_each_matrix_is_given(merged, source, tmp_path):
    """Against hooks on the whole model: the inputs of the last layer are those of the pruned layers before it."""
    compress("wanda", tmp_path / "out", source, samples=6)
    model, last = open_model(tmp_path / "out"), "model.layers.1.self_attn.q_proj"
    seen: list[torch.Tensor] = []
    hook = model.get_submodule(last).register_forward_pre_hook(lambda _, x: seen.append(x[0][0]))
    for prompt in asked(source):
        with torch.inference_mode():
            model(input_ids=torch.tensor([prompt.ids]))
    hook.remove()
    scores = weights(merged)[last].abs() * torch.cat(seen).norm(dim=0)
    kept = weights(tmp_path / "out")[last] != 0
    assert (kept == keep_highest(scores, 0.5)).float().mean() > 0.999


@pytest.mark.parametrize("scope", ["global", "matrix"])
def test_progressive_holds_its_masks_and_learns(source, untied, tmp_path, scope):
    compress("progressive", tmp_path / "out", source, **QUICK, sparsity=0.5, scope=scope)
    after, before = weights(tmp_path / "out"), weights(source.model)
    total = sum(weight.numel() for weight in after.values())
    assert zeros(after) == pytest.approx(total / 2, abs=1)
    if scope == "matrix":
        assert all(int((weight == 0).sum()) == weight.numel() // 2 for weight in after.values())
    moved = [bool((weight[weight != 0] != before[name][weight != 0]).any()) for name, weight in after.items()]
    assert all(moved)


def test_progressive_comes_closer_to_the_teacher_than_pruning_at_once(source, tmp_path):
    longer = {**QUICK, "steps": 15, "hold": 15, "batch": 6, "lr": 0.01}
    compress("progressive", tmp_path / "healed", source, **longer, sparsity=0.6)
    compress("magnitude", tmp_path / "cut", source, sparsity=0.6, scope="matrix")
    of = technique("progressive")
    wanted = of._teacher_logs(source, set(range(6)))
    far = {}
    for name in ("healed", "cut"):
        found = of._teacher_logs(Source(tmp_path / name, teacher=tmp_path / name, train=source.train, prompt=PROMPT), set(range(6)))
        far[name] = float(np.mean([(wanted[i].exp() * (wanted[i] - found[i])).sum() for i in wanted]))
    assert far["healed"] < far["cut"] / 2


def test_progressive_keeps_the_type_and_the_head(untied, train, tmp_path):
    compress("progressive", tmp_path / "out", Source(untied, teacher=untied, train=train, prompt=PROMPT), **QUICK)
    stored, was = load_file(tmp_path / "out" / "model.safetensors"), load_file(untied / "model.safetensors")
    assert all(stored[name].dtype == torch.bfloat16 for name in stored) and stored.keys() == was.keys()
    assert torch.equal(stored["lm_head.weight"], was["lm_head.weight"])


def test_the_schedule_is_cubic():
    chosen = technique("progressive").Settings(sparsity=0.8, steps=10)
    shares = [sparsity_at(step, chosen) for step in range(11)]
    assert shares[0] == 0 and shares[10] == 0.8 and shares[5] == pytest.approx(0.7)
    assert all(a < b for a, b in zip(shares, shares[1:], strict=False))


@pytest.mark.parametrize("name", ["magnitude", "wanda", "progressive"])
def test_no_size_is_predicted_to_change(merged, name):
    plan = plan_of(merged)
    after = technique(name).predict(plan, technique(name).Settings())
    assert (after.bytes, after.parameters) == (plan.bytes, plan.parameters) and after.seconds > plan.seconds
