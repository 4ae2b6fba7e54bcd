"""The comparison with the peers: no engine is fast by being wrong, by being undisturbed alone, or by a roof that is too low."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.torch import load_file, save_file
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.peers import REFERENCE, Engine, Form, Model, engines, litert, llama_cpp, peer, turns
from benchmarks.peers import __main__ as command
from benchmarks.peers.__main__ import main
from benchmarks.peers.roofline import milliseconds, work
from benchmarks.peers.table import Row, table
from benchmarks.peers.turns import Answers, agreement, take_turns
from pipeline.errors import EdgeError
from pipeline.export import litert as exporter
from pipeline.export.forward import ClassifierForward
from pipeline.plan.roofline import Work
from pipeline.runtime.torch_runtime import load_model

RIGHT = [[2.0, 1.0, 0.0], [0.0, 3.0, 1.0]]
PROMPTS = {"short": [[1, 2]], "long": [[1, 2, 3, 4]]}
finite = st.floats(-5, 5)


class Fake:
    """A worker that answers at once, in a millisecond a prompt; ``log`` hears of each turn."""

    def __init__(self, name="", logits=RIGHT, log=None):
        self.name, self.logits, self.log = name, logits, [] if log is None else log

    def ask(self, do, prompts, warm):
        self.log.append(self.name)
        return {"milliseconds": [1.0] * len(prompts), "logits": self.logits}


@pytest.fixture
def machine(monkeypatch):
    """Whether each next round is disturbed, as the test says; at its end, undisturbed."""
    coming = []

    @contextmanager
    def watch(kind):
        yield (seen := SimpleNamespace(broken=""))
        seen.broken = coming.pop(0) if coming else ""

    monkeypatch.setattr(turns, "watch", watch)
    monkeypatch.setattr(turns, "THIS_MACHINE", SimpleNamespace(alone=nullcontext))  # nothing is timed here
    return coming


def page(logits):
    right, other = Answers([[9.0, 9.0]], [RIGHT]), Answers([[0.001, 0.001]], [logits])
    rows = [Row(REFERENCE, right, 1, 1, 1, 0.5), Row(Engine("onnx_cpu", "int8"), other, 1, 1, 1, 0.5)]
    return "\n".join(table(rows, right, PROMPTS))


@pytest.mark.parametrize("logits", [
    [[0.0, 0.0, 0.0]] * 2,  # computes nothing
    [[5.0, 5.0, 5.0]] * 2,
    RIGHT[::-1],  # answers the other prompt, as one that keeps its cache
    [row[::-1] for row in RIGHT],  # the rows of other labels
    [[float("nan")] * 3] * 2,
])
def test_an_engine_that_answers_something_else_gets_no_figures(logits):
    assert "| ONNX Runtime int8 | 0.0 |" in page(RIGHT)
    assert "| ONNX Runtime int8" not in page(logits) and "- ONNX Runtime int8: no figures" in page(logits)


def test_an_engine_that_is_right_only_once_gets_no_figures():
    assert agreement(Answers(logits=[RIGHT, RIGHT[::-1]]), Answers(logits=[RIGHT]))[1] < 0.8


@settings(max_examples=30, deadline=None)
@given(arrays(float, (2, 4), elements=finite), arrays(float, (2, 1), elements=finite), st.floats(0.1, 10))
def test_the_cosine_asks_for_the_differences_between_labels_alone(logits, shift, scale):
    if np.linalg.norm(logits - logits.mean(-1, keepdims=True)) < 1e-3:
        return
    reference = Answers(logits=[logits.tolist()])
    assert agreement(reference, reference) == (1.0, pytest.approx(1))
    assert agreement(Answers(logits=[(scale * logits + shift).tolist()]), reference)[1] == pytest.approx(1)
    assert agreement(Answers(logits=[(-logits).tolist()]), reference)[1] == pytest.approx(-1)


def test_turns_alternate_and_every_engine_has_as_many(machine):
    log = []
    answers, disturbed = take_turns({name: Fake(name, log=log) for name in "AB"}, [[1], [2]], 3, 0)
    assert "".join(log) == "ABBAAB" and disturbed == []
    assert {name: len(answer.milliseconds) for name, answer in answers.items()} == {"A": 3, "B": 3}


def test_a_disturbed_round_is_taken_again(machine):
    machine += ["a neighbour", "", "a neighbour"]
    answers, disturbed = take_turns({"A": Fake()}, [[1], [2]], 3, 0)
    assert len(answers["A"].milliseconds) == 3 and len(answers["A"].logits) == 5 and disturbed == ["a neighbour"] * 2


def test_where_all_rounds_are_disturbed_they_are_all_there_is(machine):
    machine += ["a neighbour"] * 9
    answers, disturbed = take_turns({"A": Fake()}, [[1], [2]], 3, 0)
    assert len(answers["A"].milliseconds) == len(disturbed) == 3


@pytest.mark.parametrize("length", [2, 17])
def test_the_work_of_a_decision_is_what_torch_counts_less_the_masked_half_of_attention(merged, length):
    model, config = load_model(merged).requires_grad_(False), json.loads((merged / "config.json").read_bytes())
    with FlopCounterMode(display=False) as counter:
        ClassifierForward(model, range(6), 64)(torch.zeros(1, length, dtype=torch.int64))
    masked = (config["num_hidden_layers"] - 1) * 4 * config["num_attention_heads"] * config["head_dim"] * length * (length - 1) / 2
    found = work(config, length, 6)
    assert found.operations == counter.get_total_flops() - masked
    matrices = sum(p.numel() for p in model.model.layers.parameters() if p.ndim == 2)
    assert found.weights == matrices + config["hidden_size"] * (length + 6)


@given(st.floats(1, 1e12), st.floats(1, 1e12), st.floats(1, 1e12), st.floats(1, 1e12), st.floats(1, 32))
def test_the_roof_is_the_higher_of_both_times(operations, weights, products, read, bits):
    found = milliseconds(Work(operations, weights), Form(bits, "int8"), {"int8": products}, read)
    assert found == pytest.approx(1e3 * max(operations / products, weights * bits / 8 / read))


def test_every_peer_has_the_one_interface():
    for engine in engines():
        module = peer(engine.peer)
        assert engine.form.bits > 0 and engine.form.arithmetic in ("float32", "bfloat16", "int8")
        assert module.LIBRARIES and callable(module.Session.open) and callable(module.Session.run)
    assert engines()[0] == REFERENCE


def test_bfloat16_is_read_exactly(tmp_path):
    weights = {"a": torch.randn(3, 4).to(torch.bfloat16), "b": torch.randn(5), "c": torch.randn(2, 2).half()}
    save_file(weights, tmp_path / "model.safetensors")
    assert {name: values.tolist() for name, values in llama_cpp._tensors(tmp_path)} == {
        name: values.tolist() for name, values in weights.items()}


def test_llama_cpp_is_given_the_same_weights(merged, tmp_path):
    gguf = pytest.importorskip("gguf")
    llama_cpp.prepare(tmp_path, tmp_path, Model(merged, merged, [1, 2], 64), "Q8_0")
    found = {tensor.name: gguf.dequantize(tensor.data, tensor.tensor_type) for tensor in gguf.GGUFReader(tmp_path / "model.gguf").tensors}
    weights = load_file(merged / "model.safetensors")
    up = weights["model.layers.1.mlp.up_proj.weight"].numpy()
    assert len(found) == len(weights) - ("lm_head.weight" in weights)
    assert np.abs(found["blk.1.ffn_up.weight"] - up).max() <= np.abs(up).max() / 254 + 1e-6
    assert np.array_equal(found["output_norm.weight"], weights["model.norm.weight"].numpy())


@pytest.mark.slow
def test_a_run_from_the_model_to_the_page(merged, tmp_path, machine, capfd):
    main(["--store", str(tmp_path), "--model", str(merged), "--only", "onnx_cpu:int8", "llama_cpp:Q8_0", "--rounds", "1", "--prompts", "1",
          "--pause", "0", "--threads", "1"])
    said, noise = capfd.readouterr()
    rows = [line.split(" | ") for line in said.splitlines() if line.startswith(("| transformers", "| ONNX"))]
    assert [row[0] for row in rows] == ["| transformers float32", "| ONNX Runtime int8"]
    assert float(rows[0][-1].strip(" |")) == 1 and 0.99 < float(rows[1][-1].strip(" |")) < 1
    assert "- skipped: llama.cpp Q8_0: llama-cpp-python" in said and noise == ""


def test_litert_is_what_the_project_exports(merged, tmp_path, monkeypatch):
    given = {}
    monkeypatch.setattr(exporter, "export", lambda out, scratch, **arguments: given.update(arguments))
    litert.prepare(tmp_path, tmp_path, Model(merged, merged, [1, 2], 64), "int8")
    assert given == {"merged": merged, "config": {**exporter.VARIANTS["int8"], "max_length": 64}}


class Crashes(Fake):
    """A worker of which the second engine dies at its first answer."""

    def __init__(self, name, python, threads):
        super().__init__(name)

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        pass

    def ask(self, do, **arguments):
        if do == "run" and self.name.startswith("llama"):
            raise EdgeError(f"{self.name}: expected an answer, found the worker ended by SIGSEGV")
        return {"seconds": 1.0}


def test_an_engine_that_crashes_is_skipped_and_a_reference_that_crashes_is_not(monkeypatch):
    monkeypatch.setattr(command, "Worker", Crashes)
    options, model = SimpleNamespace(python={}, threads=1), Model(Path(), Path(), [1], 64)
    ready = {REFERENCE: Path(), Engine("llama_cpp", "Q4_0"): Path()}
    with ExitStack() as stack:
        opened = dict(command._opened(stack, ready, model, [1], options, skipped := []))
        assert list(opened) == [REFERENCE] and skipped == ["llama.cpp Q4_0: expected an answer, found the worker ended by SIGSEGV"]
        monkeypatch.setattr(command, "REFERENCE", Engine("llama_cpp", "Q4_0"))
        with pytest.raises(EdgeError, match="SIGSEGV"):
            dict(command._opened(stack, ready, model, [1], options, []))


def test_a_name_that_no_engine_has(merged, tmp_path):
    with pytest.raises(EdgeError, match="--only: expected a name of .* found onnx_cpu:int3"):
        main(["--store", str(tmp_path), "--model", str(merged), "--only", "onnx_cpu:int3"])
