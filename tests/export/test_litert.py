"""LiteRT, converted once for these tests and executed: what is wrong with a file is told, or seen in its logits."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.digest import directory_digest
from pipeline.errors import EdgeError
from pipeline.export import litert, litert_conversion
from pipeline.export.onnx import check_against_torch
from pipeline.runtime import load, why_not_here
from pipeline.runtime.litert_runtime import LIBRARY
from pipeline.runtime.torch_runtime import TorchRuntime, load_model

LONGEST = 64
SERVE = """
import json, sys
from pathlib import Path
from pipeline.runtime import load
runtime = load(Path(sys.argv[1]), json.loads(sys.argv[2]), 1)
runtime.logits([1, 2, 3])
print({"torch", "transformers", "jax", "onnxruntime", "tensorflow"} & set(sys.modules), runtime.backend, runtime.provider)
"""


@pytest.fixture(scope="session")
def converted(merged, tmp_path_factory):
    """float32 and int8 as they are exported."""
    folder = tmp_path_factory.getbasetemp() / "tiny-litert"
    for weights, source in ("fp32", None), ("int8", folder / "fp32"):
        out, scratch = folder / weights, folder / f"{weights}-scratch"
        out.mkdir(parents=True)
        scratch.mkdir()
        config = {**litert.VARIANTS[weights], "max_length": LONGEST}
        litert.export(out, scratch, merged=merged, config=config, source=source)
    return folder


@pytest.fixture(scope="session")
def reference(merged, ids):
    return TorchRuntime(load_model(merged), ids)


@pytest.fixture(scope="session")
def ids(converted):
    return json.loads((converted / "fp32" / "runtime.json").read_text())["label_ids"]


@pytest.fixture(scope="session")
def exact(converted, ids):
    return load(converted / "fp32", ids, 1)


@pytest.fixture
def broken(converted, tmp_path):
    """A copy of the float32 form to break."""
    return Path(shutil.copytree(converted / "fp32", tmp_path / "broken"))


prompts = st.integers(1, LONGEST).flatmap(lambda length: st.lists(st.integers(0, 299), min_size=length, max_size=length))


@settings(max_examples=60, deadline=None)
@given(prompts)
def test_prompts_of_every_length_get_torchs_logits(exact, reference, prompt):
    np.testing.assert_allclose(exact.logits(prompt), reference.logits(prompt), atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(prompts)
def test_int8_stays_near(converted, ids, reference, prompt):
    expected, found = reference.logits(prompt), load(converted / "int8", ids, 1).logits(prompt)
    assert not np.array_equal(expected, found) and np.abs(found - expected).max() < 0.1 * np.ptp(expected) + 0.1


@given(st.integers(1, LONGEST))
def test_a_prompt_is_padded_no_further_than_to_the_next_length(exact, number):
    taken = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "_runners", {length: lambda length=length, **inputs: taken.append(length) or {"logits": np.zeros((1, 6))}
                                          for length in exact._runners})
        exact.logits([1] * number)
    assert taken == [next(length for length in litert_conversion.lengths(LONGEST) if length >= number)]


def test_int8_is_small_and_both_run_in_xnnpack(converted, ids, exact):
    int8 = load(converted / "int8", ids, 2)
    assert {exact.provider, int8.provider} == {"litert-xnnpack"} and (exact.threads, int8.threads) == (1, 2)
    sizes = [(converted / weights / litert_conversion.FILE).stat().st_size for weights in ("int8", "fp32")]
    assert sizes[0] < 0.6 * sizes[1]  # much of a file this small is its graph


def test_threads_that_ask_at_once_get_what_each_gets_alone(exact):
    asked = [[number % 300] * (number % LONGEST + 1) for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(exact.logits, asked))
    np.testing.assert_array_equal(together, [exact.logits(prompt) for prompt in asked])


def test_what_serves_needs_no_converter_and_no_other_engine(converted, ids):
    program = [sys.executable, "-c", SERVE, str(converted / "int8"), json.dumps(ids)]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["set()", "litert", "litert-xnnpack"]


@pytest.mark.parametrize("length", [0, LONGEST + 1])
def test_a_prompt_of_another_length_is_refused(exact, length):
    with pytest.raises(EdgeError, match=f"expected 1 to {LONGEST} token ids, found {length}"):
        exact.logits([1] * length)


def test_an_ignored_mask_is_seen(converted, merged, ids, monkeypatch):
    from ai_edge_litert.interpreter import SignatureRunner

    run = SignatureRunner.__call__
    monkeypatch.setattr(SignatureRunner, "__call__", lambda self, args_0, args_1: run(self, args_0=args_0, args_1=np.ones_like(args_1)))
    with pytest.raises(EdgeError, match="the export is wrong"):
        check_against_torch(converted / "fp32", load_model(merged), ids, LONGEST)


def test_zeroed_weights_are_seen(broken, merged, ids):
    model, file = load_model(merged), broken / litert_conversion.FILE
    check_against_torch(broken, model, ids, LONGEST)
    rows = model.model.layers[0].mlp.up_proj.weight.detach().numpy()[:16].tobytes()  # 4 KB
    content = file.read_bytes()
    assert rows in content
    file.write_bytes(content.replace(rows, bytes(len(rows))))
    with pytest.raises(EdgeError, match="the export is wrong"):
        check_against_torch(broken, model, ids, LONGEST)


def test_a_graph_that_xnnpack_does_not_take_is_refused(converted, ids, monkeypatch):
    from ai_edge_litert import interpreter

    plain = interpreter.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    monkeypatch.setattr(interpreter, "Interpreter", partial(interpreter.Interpreter, experimental_op_resolver_type=plain))
    assert load(converted / "fp32", ids, 1).provider == "litert-cpu"
    with pytest.raises(EdgeError, match="expected that XNNPACK executes the graph, found litert-cpu"):
        litert_conversion._check_provider(converted / "fp32", ids)


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_one_line(converted, ids, tmp_path_factory, share):
    folder = tmp_path_factory.mktemp("cut")
    shutil.copy(converted / "fp32" / "runtime.json", folder)
    content = (converted / "fp32" / litert_conversion.FILE).read_bytes()
    (folder / litert_conversion.FILE).write_bytes(content[: int(share * len(content))])
    with pytest.raises(EdgeError, match="expected a .*LiteRT model, found"):
        load(folder, ids, 1)


def test_a_signature_that_is_damaged_is_one_line_when_it_is_asked_for(exact, monkeypatch):
    from ai_edge_litert.interpreter import SignatureRunner

    def fail(self, **inputs):
        raise RuntimeError("Invalid tensor index 147 in node inputs.")

    monkeypatch.setattr(SignatureRunner, "__call__", fail)
    with pytest.raises(EdgeError, match="readable LiteRT model, found Invalid tensor index"):
        exact.logits([1])


@pytest.mark.parametrize(("content", "message"), [
    (None, "found none"), (b"", "does not begin as one"), (b"\x08\x00ONNX" * 9, "does not begin as one"),
    (b"\x1c\x00\x00\x00TFL3" + b"\xff" * 999, "found The model is not a valid"),
])
def test_another_file_is_refused(broken, ids, content, message):
    (broken / litert_conversion.FILE).unlink()
    if content is not None:
        (broken / litert_conversion.FILE).write_bytes(content)
    with pytest.raises(EdgeError, match=message):
        load(broken, ids, 1)


@pytest.mark.parametrize(("change", "message"), [
    ({"label_ids": [1, 2]}, "use the decision that was made from the same model"),
    ({"file": "../model.tflite"}, "expected a file name and a positive max_length"), ({"file": 7}, "expected a file name"),
    ({"max_length": True}, "a positive max_length"), ({"max_length": 63}, "a signature of 63 token ids as the longest"),
])
def test_a_directory_that_says_something_else_is_refused(broken, ids, change, message):
    spec = json.loads((broken / "runtime.json").read_text())
    (broken / "runtime.json").write_text(json.dumps({**spec, **change}))
    with pytest.raises(EdgeError, match=message):
        load(broken, ids, 1)


def test_a_file_for_other_labels_is_refused(broken, ids):
    spec = json.loads((broken / "runtime.json").read_text())
    (broken / "runtime.json").write_text(json.dumps({**spec, "label_ids": ids[:3]}))
    with pytest.raises(EdgeError, match="logits for 3 labels"):
        load(broken, ids[:3], 1)


def test_where_it_is_not_installed_it_says_where_it_runs(converted, ids, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None if name == LIBRARY else ...)
    assert "where it has a wheel" in why_not_here("litert")
    with pytest.raises(EdgeError, match="LiteRT is not installed"):
        load(converted / "fp32", ids, 1)
    before = directory_digest(tmp_path)
    with pytest.raises(litert.UnavailableError, match="LiteRT is not installed"):
        litert.export(tmp_path, tmp_path, merged=tmp_path, config={"weights": "fp32", "max_length": LONGEST})
    assert directory_digest(tmp_path) == before
