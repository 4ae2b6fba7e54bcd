"""Core ML's backend against a stand-in for coremltools, whose calls are held against the real one's."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import runtime
from pipeline.errors import EdgeError
from pipeline.measure.child import ROOT
from pipeline.runtime import compiled, coreml_runtime
from pipeline.runtime.coreml_runtime import UNITS, CoreMLRuntime, open_runtime
from tests.runtime import core_ml
from tests.runtime.core_ml import LABEL_IDS


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(compiled.FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(coreml_runtime.UNITS_VARIABLE, raising=False)
    return tmp_path / "cache"


def opened(at: Path, monkeypatch: pytest.MonkeyPatch, tools: Any = None, **changes: Any) -> CoreMLRuntime:
    monkeypatch.setattr(coreml_runtime, "coremltools", lambda: tools or core_ml.tools())
    return open_runtime(at if at.exists() else core_ml.directory(at, **changes), LABEL_IDS, 1)


def test_a_prompt_goes_padded_to_the_function_of_its_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = core_ml.tools()
    model = opened(tmp_path / "m", monkeypatch, tools)
    for ids in ([7], list(range(1, 9)), list(range(1, 10)), list(range(1, 17))):
        assert model.logits(ids).tolist() == core_ml.expected(ids) and model.logits(ids).dtype == np.float32
    assert [call for call in tools.asked if call.startswith("load")] == ["load tokens_8 CPU_AND_NE", "load tokens_16 CPU_AND_NE"]
    assert (model.backend, model.provider, model.threads) == ("coreml", "coreml-cpu-and-ne", 1)


def test_several_threads_at_once_get_their_own_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = []

    def answer(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        busy.append(len(busy) % 2)
        assert busy.count(0) == busy.count(1) + 1  # nobody else is inside
        found = core_ml.bag(data)
        time.sleep(0.001)
        busy.append(len(busy) % 2)
        return found

    model = opened(tmp_path / "m", monkeypatch, core_ml.tools(answer))
    prompts = [list(range(1, 2 + number % 16)) for number in range(64)]
    with ThreadPoolExecutor(8) as pool:
        assert [found.tolist() for found in pool.map(model.logits, prompts)] == [core_ml.expected(ids) for ids in prompts]


def test_it_is_compiled_once_for_a_content_and_anew_for_another(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = core_ml.tools()
    for _ in range(3):
        opened(tmp_path / "m", monkeypatch, tools).logits([1])
    assert tools.asked.count("compile") == 1
    package = tmp_path / "m" / "model.mlpackage" / "Manifest.json"
    package.write_text("[]")  # of the same size
    os.utime(package, ns=(1, 1))
    opened(tmp_path / "m", monkeypatch, tools).logits([1])
    assert tools.asked.count("compile") == 2 and len(list(cache.glob("*/*"))) == 1  # the older one is gone
    assert not list((tmp_path / "m").rglob("*.mlmodelc"))  # a store's folder is not written to


@pytest.mark.parametrize("answer", [
    lambda data: {}, lambda data: {"logits": np.zeros((1, 2))}, lambda data: {"logits": np.full((1, 3), np.nan)}, lambda data: None,
    lambda data: {"logits": np.full((1, 3), np.inf, np.float16)}, lambda data: 1 / 0])
def test_an_answer_that_is_none_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    with pytest.raises(EdgeError, match="finite logits|expected Core ML to run"):
        opened(tmp_path / "m", monkeypatch, core_ml.tools(answer)).logits([1, 2])


@pytest.mark.parametrize("ids", [[], list(range(17))])
def test_a_prompt_that_fits_no_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ids: list[int]) -> None:
    with pytest.raises(EdgeError, match="expected 1 to 16 token ids"):
        opened(tmp_path / "m", monkeypatch).logits(ids)


@pytest.mark.parametrize("units", UNITS)
def test_the_units_are_those_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, units: str) -> None:
    tools = core_ml.tools()
    assert opened(tmp_path / "m", monkeypatch, tools, compute_units=units).provider == f"coreml-{units}"
    monkeypatch.setenv(coreml_runtime.UNITS_VARIABLE, "cpu")
    model = opened(tmp_path / "m", monkeypatch, tools)
    model.logits([1])
    assert model.provider == "coreml-cpu" and tools.asked[-1].endswith("CPU_ONLY")


@pytest.mark.parametrize(("changes", "words"), [
    ({"compute_units": "tpu"}, "compute units"), ({"compute_units": 3}, "compute units"), ({"label_ids": [1]}, "label ids"),
    ({"file": "../model.mlpackage"}, "runtime.json"), ({"file": "other.mlpackage"}, "found none"), ({"functions": {}}, "runtime.json")])
def test_a_broken_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(EdgeError, match=words):
        opened(tmp_path / "m", monkeypatch, **changes)


def test_what_does_not_compile_or_cannot_be_kept_leaves_nothing(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("Error compiling model: compiler error")

    tools = core_ml.tools()
    tools.models.utils.compile_model = refuse
    with pytest.raises(EdgeError, match="compiler error"):
        opened(tmp_path / "m", monkeypatch, tools)
    assert not list(cache.glob("*/*"))
    tools.models.utils.compile_model = lambda *_, **__: None
    with pytest.raises(EdgeError, match="found none"):
        opened(tmp_path / "m", monkeypatch, tools)
    (tmp_path / "file").touch()
    monkeypatch.setenv(compiled.FOLDER_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(EdgeError, match=compiled.FOLDER_VARIABLE):
        opened(tmp_path / "m", monkeypatch)


def test_two_that_compile_at_once_keep_one(tmp_path: Path, cache: Path) -> None:
    source = core_ml.directory(tmp_path / "m") / "model.mlpackage"

    def compile_to(place: Path) -> None:
        place.mkdir()
        (place / "weights").write_text("x" * 1000)

    with ThreadPoolExecutor(8) as pool:
        places = set(pool.map(lambda _: compiled.compiled(source, ".mlmodelc", compile_to), range(24)))
    assert len(places) == 1 and (places.pop() / "weights").read_text() == "x" * 1000


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac executes it")
def test_elsewhere_it_says_why_and_what_would_run(tmp_path: Path) -> None:
    assert "macOS" in runtime.why_not_here("coreml") and "make m4" in runtime.why_not_here("coreml")
    with pytest.raises(EdgeError, match="macOS only"):
        runtime.load(core_ml.directory(tmp_path / "m"), LABEL_IDS, 1)


LEAN = """
import sys
from pipeline.runtime.coremltools_lean import coremltools
tools = coremltools()
heavy = {"torch", "transformers", "sklearn", "scipy", "pandas", "tensorflow"} & set(sys.modules)
assert not heavy, heavy
import inspect, json
takes = lambda call: list(inspect.signature(call).parameters)
print(json.dumps([takes(tools.models.utils.compile_model), takes(tools.models.CompiledMLModel.__init__),
                  takes(tools.models.CompiledMLModel.predict), takes(tools.models.compute_plan.MLComputePlan.load_from_path),
                  [unit.name for unit in tools.ComputeUnit], sorted(vars(tools.models.compute_device))]))
import torch  # what was hidden is there again
"""


def test_the_real_coremltools_takes_these_calls_and_brings_no_torch() -> None:
    run = subprocess.run([sys.executable, "-c", LEAN], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
                         check=False)
    assert run.returncode == 0, run.stderr
    compiles, opens, predicts, plans, units, devices = json.loads(run.stdout.splitlines()[-1])
    stand_in = core_ml.tools()
    assert compiles == list(inspect.signature(stand_in.models.utils.compile_model).parameters)
    assert set(inspect.signature(stand_in.models.CompiledMLModel.__init__).parameters) <= set(opens) and predicts[:2] == ["self", "data"]
    assert plans == list(inspect.signature(stand_in.models.compute_plan.MLComputePlan.load_from_path).parameters)
    assert set(units) == set(UNITS.values()) == {unit.name for unit in core_ml.ComputeUnit}
    assert {type(device).__name__ for device in core_ml.DEVICES.values()} <= set(devices)
