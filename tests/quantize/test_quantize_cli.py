"""The command as it is typed."""

from __future__ import annotations

import json

import pytest

from pipeline.cli import main
from pipeline.compress.angelslim import adapter
from pipeline.quantize import several
from pipeline.quantize.config import QuantizationConfig
from pipeline.quantize.manifest import MANIFEST


@pytest.fixture
def edge(merged, tmp_path, capsys):
    """Exit code, stdout and stderr of ``edge quantize``."""
    def run(*words, model=merged):
        code = main(["quantize", "--input", str(model), "--group-size", "32", "--store", str(tmp_path / "store"), *map(str, words)])
        return code, *capsys.readouterr()

    return run


def test_quantise(edge, tmp_path):
    code, said, _ = edge("--output", tmp_path / "out", "--method", "int4-rtn", "--symmetric")
    assert code == 0 and "int4-rtn by ptq" in said and "14 matrices of" in said
    assert json.loads((tmp_path / "out" / MANIFEST).read_text())["settings"]["symmetric"] is True


def test_a_dry_run_tells_all_and_builds_nothing(edge, tmp_path):
    code, said, _ = edge("--dry-run", "--method", "int4-rtn")
    assert code == 0 and "nothing was built" in said and not list(tmp_path.iterdir())
    row = next(line for line in said.splitlines() if line.startswith("model.layers.1.mlp.down_proj.weight"))
    assert row.split() == ["model.layers.1.mlp.down_proj.weight", "64", "×", "96", "int4,", "groups", "of", "32,", "zero", "points",
                           "24,576", "3,952"]
    assert "model.embed_tokens.weight" in said and "ptq, int4-rtn: can run here" in said


def test_a_dry_run_says_what_would_not_run(edge, monkeypatch):
    monkeypatch.setattr(adapter, "existing", lambda name: None)
    assert "would not run here: AngelSlim is not installed" in edge("--dry-run", "--backend", "angelslim", "--method", "int8-dynamic")[1]
    assert "needs calibration data" in edge("--dry-run", "--backend", "llmcompressor", "--method", "int4-awq")[1]


def test_no_fallback_is_exit_code_2(edge, tmp_path, monkeypatch):
    monkeypatch.setattr(adapter, "existing", lambda name: None)
    words = ("--output", tmp_path / "out", "--backend", "angelslim", "--angelslim-method", "INT8-dynamic")
    code, _, said = edge(*words, "--no-fallback")
    assert code == 2 and said.startswith("edge: AngelSlim is not installed") and len(said.splitlines()) == 1
    code, _, said = edge(*words)
    assert code == 0 and len(said.splitlines()) == 1 and "llm-compressor takes its place" in said


def test_wrong_words_are_one_line(edge, monkeypatch, tmp_path):
    monkeypatch.setenv("EDGE_QUANTIZE_SAMPLES", "few")
    assert edge("--dry-run")[2].startswith("edge: the variable EDGE_QUANTIZE_SAMPLES: samples: Input should be a valid integer")
    (file := tmp_path / "quantize.yaml").write_text("samples: 3\nmethod: int2\n")
    assert f"edge: {file}: method: expected one of fp8-static" in edge("--dry-run", "--config", file)[2]
    assert "expected an output" in edge("--samples", "3")[2]


def test_several_methods_in_one_table(edge, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (texts := tmp_path / "texts.txt").write_text("今天天气怎么样\n\nIf it rains tomorrow, 出门要不要带伞？\n\nthink system user\n")
    words = ("--compare", "fp8-dynamic", "int4-rtn", "--texts", texts, "--tasks", "gsm8k", "--reports", tmp_path / "reports")
    code, said, _ = edge(*words)
    assert code == 0 and list((tmp_path / "reports").glob("quantization*"))
    assert all(name in said for name in ("gsm8k", "fp8-dynamic", "int4-rtn"))
    assert "expected texts to compare on" in edge("--compare", "int4-rtn")[2]
    assert "--compare: expected one of fp8-static" in edge("--compare", "int3", "--texts", texts)[2]
    assert "task 'boolq': expected one of ceval" in edge(*words[:5], "--tasks", "boolq", "--reports", tmp_path)[2]


def test_a_method_without_a_backend_finds_one():
    config = QuantizationConfig(input="model", samples=3)
    chosen = {name: several.one_of(config, name) for name in ("int4-rtn", "int4-gptq", "angelslim:INT8_dynamic")}
    assert {name: (one.backend, one.method, one.samples) for name, one in chosen.items()} == {
        "int4-rtn": ("ptq", "int4-rtn", 3), "int4-gptq": ("llmcompressor", "int4-gptq", 3),
        "angelslim:INT8_dynamic": ("angelslim", "int8-dynamic", 3)}
