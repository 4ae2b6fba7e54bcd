"""SVD and Tucker: the laws of both, and how their factors live in a directory, a graph and the report."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from pipeline.compress import Source, technique
from pipeline.compress.factorise import rank_of
from pipeline.compress.model import matrices, open_model
from pipeline.compress.plan import plan_of
from pipeline.compress.techniques import svd, tucker
from pipeline.errors import EdgeError
from pipeline.export.generator import export_generator
from pipeline.export.onnx import export_onnx
from pipeline.runtime.torch_runtime import load_model
from tests.export.tiny_qwen3 import EXPORT, build, compress

UP = [f"model.layers.{i}.mlp.up_proj" for i in (0, 1)]


def report(out: Path) -> dict:
    return json.loads((out / "compression.json").read_text())


@pytest.fixture(scope="module")
def untied(tmp_path_factory) -> Path:
    """Three layers of half precision, the head a matrix of its own, biases in the attention."""
    directory = build(tmp_path_factory.mktemp("untied") / "model", layers=3, tie_word_embeddings=False, attention_bias=True)
    stored = load_file(directory / "model.safetensors")
    torch.manual_seed(0)
    noisy = {name: torch.randn_like(weight) if name.endswith("bias") else weight for name, weight in stored.items()}
    save_file({name: weight.bfloat16() for name, weight in noisy.items()}, directory / "model.safetensors", {"format": "pt"})
    config = json.loads((directory / "config.json").read_text())
    (directory / "config.json").write_text(json.dumps({**config, "dtype": "bfloat16"}))
    return directory


@pytest.fixture(scope="module")
def low_rank(merged, tmp_path_factory) -> Path:
    """The tiny model whose up_proj are of rank 5 inside and 7 outside, on bases that both layers share."""
    directory = tmp_path_factory.mktemp("low") / "model"
    directory.mkdir()
    for file in merged.iterdir():
        (directory / file.name).write_bytes(file.read_bytes())
    stored = load_file(merged / "model.safetensors")
    torch.manual_seed(0)
    inside, outside = torch.randn(5, 64) / 8, torch.randn(96, 7)
    for name in UP:
        stored[f"{name}.weight"] = (outside @ torch.randn(7, 5) @ inside).contiguous()
    save_file(stored, directory / "model.safetensors", {"format": "pt"})
    return directory


@pytest.fixture(scope="module")
def halved(merged, tmp_path_factory) -> dict[str, Path]:
    """The tiny model by both techniques, at their defaults."""
    made = {name: tmp_path_factory.mktemp(name) / "out" for name in ("svd", "tucker")}
    for name, out in made.items():
        compress(name, out, Source(merged))
    return made


@given(st.integers(2, 9), st.integers(2, 9), st.data())
@settings(max_examples=30, deadline=None)
def test_the_error_of_svd_is_the_energy_left_out(rows, columns, data):
    weight = torch.randn(rows, columns, dtype=torch.float64)
    rank = data.draw(st.integers(1, min(rows, columns)))
    left, values, right = torch.linalg.svd(weight, full_matrices=False)
    first, second = svd.factors(left, values, right, rank)
    assert float(torch.dist(weight, second @ first)) == pytest.approx(float(values[rank:].norm()), abs=1e-9)
    assert float(first.norm()) == pytest.approx(float(second.norm()))


@given(st.lists(st.floats(0, 10), min_size=1, max_size=9), st.floats(0.01, 1))
@settings(max_examples=50, deadline=None)
def test_a_rank_is_the_least_that_keeps_the_energy(values, energy):
    energies = torch.tensor(sorted(values, reverse=True), dtype=torch.float64)
    rank, total = rank_of(energies, energy), float(energies.sum())
    assert 1 <= rank <= len(values)
    assert float(energies[:rank].sum()) >= (energy - 1e-9) * total
    assert rank == 1 or float(energies[:rank - 1].sum()) < (energy + 1e-9) * total


@given(st.integers(2, 3), st.integers(3, 8), st.integers(3, 8), st.floats(0.2, 0.95), st.integers(0, 2))
@settings(max_examples=25, deadline=None)
def test_tucker_keeps_what_it_is_asked_to(layers, out, into, share, rounds):
    """The bases are orthonormal, so the error is the energy that the cores lack; a budget is not exceeded unless by rank 1."""
    stack = torch.randn(layers, out, into, dtype=torch.float64)
    for asked in ({"energy": share}, {"budget": share}):
        right, left, cores = tucker.decompose(stack, tucker.Settings(layers=layers, rounds=rounds, **asked))
        assert torch.dist(right.T @ right, torch.eye(right.shape[1]).double()) < 1e-9
        lost = (stack - left @ cores @ right.T).square().sum()
        assert float(lost) == pytest.approx(float(stack.square().sum() - cores.square().sum()), abs=1e-8)
        if "energy" in asked:
            assert lost <= (1 - share) * stack.square().sum() + 1e-9
        elif (1, 1) != cores.shape[1:]:
            assert right.numel() + left.numel() + cores.numel() <= share * stack.numel()


def test_rounds_do_not_make_it_worse():
    torch.manual_seed(3)
    stack = torch.randn(4, 12, 10, dtype=torch.float64)
    kept = [float(tucker.decompose(stack, tucker.Settings(budget=0.2, rounds=rounds))[2].norm()) for rounds in (0, 1, 3)]
    assert kept[0] < kept[1] <= kept[2]


def test_a_matrix_of_low_rank_is_kept_and_its_rank_found(low_rank, tmp_path):
    compress("svd", tmp_path / "svd", Source(low_rank), energy=1.0, modules=("up_proj",))
    compress("tucker", tmp_path / "tucker", Source(low_rank), energy=1.0, modules=("up_proj",))
    one, two = report(tmp_path / "svd"), report(tmp_path / "tucker")
    assert [one["factorised"][name]["rank"] for name in UP] == [5, 5]
    assert two["factorised"][UP[0]]["ranks"] == [5, 7]
    for found in (one, two):
        assert all(found["error"][f"{name}.weight"] < 1e-5 for name in UP)
        assert found["parameters"]["after"] < found["parameters"]["before"]
    ids = torch.arange(20)[None]
    with torch.inference_mode():
        exact, *others = (load_model(folder)(input_ids=ids).logits for folder in (low_rank, tmp_path / "svd", tmp_path / "tucker"))
    assert all((exact - other).abs().max() < 1e-3 for other in others)


def test_full_rank_is_exact_and_larger(merged, tmp_path):
    asked = {"energy": 1.0, "only_if_smaller": False, "modules": ("q_proj",)}
    compress("svd", tmp_path / "svd", Source(merged), **asked)
    compress("tucker", tmp_path / "tucker", Source(merged), **asked)
    for name in ("svd", "tucker"):
        found = report(tmp_path / name)
        assert max(found["error"].values()) < 1e-5 and found["parameters"]["after"] > found["parameters"]["before"]
        for of in found["factorised"].values():
            assert of["weights"]["after"] > of["weights"]["before"]
    assert report(tmp_path / "tucker")["slower"] == ["model.layers.0.self_attn.q_proj"]


@pytest.mark.parametrize("name", ["svd", "tucker"])
def test_what_factors_make_larger_stays_dense_or_is_refused(low_rank, tmp_path, name):
    compress(name, tmp_path / "out", Source(low_rank), energy=0.999, modules=("up_proj", "q_proj"))
    found = report(tmp_path / "out")
    assert {of.rpartition(".")[2] for of in found["factorised"]} == {"up_proj"}
    assert {of.rpartition(".")[2] for of in found["dense"]} == {"q_proj"}
    assert all(of["weights"]["after"] >= of["weights"]["before"] for of in found["dense"].values())
    assert "model.layers.0.self_attn.q_proj" in matrices(open_model(tmp_path / "out"))
    with pytest.raises(EdgeError, match="factors make smaller, found none") as caught:
        compress(name, tmp_path / "none", Source(low_rank), energy=0.999, modules=("q_proj",))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["svd", "tucker"])
def test_the_report_counts_and_predicts(merged, halved, name):
    found, asked = report(halved[name]), technique(name).Settings()
    stored = load_file(halved[name] / "model.safetensors")
    assert found["parameters"]["after"] == sum(weight.numel() for weight in stored.values())
    before, after = (sum(of["weights"][side] for of in found["factorised"].values()) for side in ("before", "after"))
    assert found["parameters"]["before"] - found["parameters"]["after"] == before - after
    assert 0.42 < after / before <= 0.5
    predicted = technique(name).predict(plan_of(merged), asked)
    assert predicted.parameters == pytest.approx(found["parameters"]["after"], rel=0.05) and predicted.seconds > 0
    assert technique(name).predict(plan_of(merged), technique(name).Settings(energy=0.9)).parameters == plan_of(merged).parameters
    changed = {f"model.layers.{i}.{part}" for i in (0, 1) for part in ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
                                                                      "self_attn.q_proj", "self_attn.o_proj")}
    assert {of.removesuffix(".weight") for of, error in found["error"].items() if error > 0.05} == changed


def test_the_error_reported_is_that_of_the_energy(halved):
    found = report(halved["svd"])
    for name, of in found["factorised"].items():
        assert found["error"][f"{name}.weight"] == pytest.approx((1 - of["energy"]) ** 0.5, abs=1e-4)


def test_shared_factors_are_stored_once(halved):
    stored = load_file(halved["tucker"] / "model.safetensors")
    config = json.loads((halved["tucker"] / "config.json").read_text())
    assert config["shared"][f"{UP[1]}.0"] == f"{UP[0]}.0" and len(config["factors"][UP[1]]) == 2
    assert f"{UP[0]}.0.weight" in stored and f"{UP[1]}.0.weight" not in stored and f"{UP[1]}.1.weight" in stored
    model = open_model(halved["tucker"])
    assert model.get_submodule(f"{UP[0]}.2") is model.get_submodule(f"{UP[1]}.2")


def test_a_graph_of_factors_runs_and_is_quantised(halved, tmp_path):
    """export_onnx compares the logits itself."""
    (tmp_path / "onnx").mkdir()
    export_onnx(tmp_path / "onnx", merged=halved["svd"], config=EXPORT)
    weights = onnx.load(str(tmp_path / "onnx" / "model.onnx")).graph.initializer
    matrices = [weight.name for weight in weights if ".weight" in weight.name and len(weight.dims) == 2]
    assert len([name for name in matrices if ".mlp.up." in name]) == 4
    assert not [weight.name for weight in weights if sorted(weight.dims) == [64, 96]]
    compress("int8", tmp_path / "int8", Source(tmp_path / "onnx"))
    found = report(tmp_path / "int8")
    assert found["left_in_float"] == []
    assert found["integer_matmuls"] == 2 * (2 + 5 * 2) + 1


def test_a_generator_of_shared_factors_is_exported(halved, tmp_path):
    """export_generator compares the logits itself; a shared factor is one weight of the graph, too."""
    export_generator(tmp_path, merged=halved["tucker"], config=EXPORT)
    names = [weight.name for weight in onnx.load(str(tmp_path / "model.onnx")).graph.initializer]
    assert len([name for name in names if ".mlp.up." in name]) == 4


@pytest.mark.parametrize("name, modules", [("svd", ("q_proj", "up_proj")), ("tucker", ("down_proj", "up_proj"))])
def test_types_biases_and_an_untied_head_stay(untied, tmp_path, name, modules):
    """Three layers leave one over in stacks of two: it stays dense."""
    compress(name, tmp_path / "out", Source(untied), budget=0.7, modules=modules)
    stored, was = load_file(tmp_path / "out" / "model.safetensors"), load_file(untied / "model.safetensors")
    assert {weight.dtype for weight in stored.values()} == {torch.bfloat16}
    assert torch.equal(stored["lm_head.weight"], was["lm_head.weight"])
    q = "model.layers.0.self_attn.q_proj"
    assert torch.equal(stored[f"{q}.1.bias" if name == "svd" else f"{q}.bias"], was[f"{q}.bias"])
    assert ("model.layers.2.mlp.up_proj.weight" in stored) is (name == "tucker")
    assert open_model(tmp_path / "out").dtype == torch.bfloat16
    with torch.inference_mode():
        assert load_model(tmp_path / "out")(input_ids=torch.arange(9)[None]).logits.isfinite().all()


def test_layers_cannot_share_a_bias(untied, tmp_path):
    with pytest.raises(EdgeError, match="q_proj: expected a matrix without a bias") as caught:
        compress("tucker", tmp_path / "out", Source(untied))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["svd", "tucker"])
def test_two_runs_are_the_same_bytes_and_say_nothing(merged, halved, tmp_path, name, capfd):
    compress(name, tmp_path / "out", Source(merged))
    for file in ("model.safetensors", "config.json", "compression.json"):
        assert (tmp_path / "out" / file).read_bytes() == (halved[name] / file).read_bytes()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["svd", "tucker"])
def test_a_later_step_on_weights_works_on_the_factors(halved, tmp_path, name):
    compress("magnitude", tmp_path / "pruned", Source(halved[name]), pattern="", sparsity=0.5)
    found = report(tmp_path / "pruned")
    assert found["parameters"]["before"] == found["parameters"]["after"] and found["bytes"]["before"] == found["bytes"]["after"]
    assert f"{UP[0]}.0" in found["sparsity_by_matrix"]
    config = [json.loads((folder / "config.json").read_text()) for folder in (halved[name], tmp_path / "pruned")]
    assert config[0] == config[1]
    compress("svd", tmp_path / "again", Source(halved[name]), modules=("k_proj", "up_proj"))
    assert {of.rpartition(".")[2] for of in report(tmp_path / "again")["factorised"]} == {"k_proj"}
    with pytest.raises(EdgeError, match="found none"):
        compress(name, tmp_path / "none", Source(halved[name]), modules=("up_proj",))


@pytest.mark.parametrize("damage", ["missing", "rank", "name"])
def test_broken_factors_are_one_line(halved, tmp_path, damage):
    for file in halved["tucker"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    if damage == "missing":
        stored = load_file(tmp_path / "model.safetensors")
        del stored[f"{UP[0]}.0.weight"]
        save_file(stored, tmp_path / "model.safetensors", {"format": "pt"})
    elif damage == "rank":
        config["factors"][UP[0]][0] += 1
    else:
        config["factors"]["model.layers.7.mlp.up_proj"] = [3]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(EdgeError, match="build it again") as caught:
        load_model(tmp_path)
    assert "\n" not in str(caught.value)
