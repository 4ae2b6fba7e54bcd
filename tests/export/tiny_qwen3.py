"""A real Qwen3 of two layers with a real tokenizer, exported and quantised: what the rooms after training work on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, Qwen3Config, Qwen3ForCausalLM

from pipeline.base.tokenizer import train_tokenizer
from pipeline.compress import Source, technique
from pipeline.compress.model import copy_tokenizer
from pipeline.compress.step import run_step
from pipeline.export.generator import export_generator
from pipeline.export.onnx import export_onnx
from pipeline.runtime.prompt import label_ids, read_tokenizer, template

LABELS = list("ABCDEF")
NAMES = ["weather_query", "time_query", "simple_qa", "complex_reasoning", "knowledge_qa", "open_chat"]
EXPORT = {"opset": 18, "max_length": 64}
TEXTS = ["今天天气怎么样", "现在几点了", "判断意图", "system user assistant think", "If it rains tomorrow, 出门要不要带伞？"] * 20


def build(directory: Path, layers: int = 2, **changes: object) -> Path:
    """A random Qwen3 with weights large enough that its logits differ by whole units."""
    directory.mkdir(parents=True)
    train_tokenizer(TEXTS, 400, directory)
    vocabulary = read_tokenizer(directory).get_vocab_size()
    torch.manual_seed(1)
    settings = {"vocab_size": vocabulary, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": layers,
                "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "tie_word_embeddings": True,
                "max_position_embeddings": 512, "initializer_range": 0.2}
    Qwen3ForCausalLM(Qwen3Config(**{**settings, **changes})).save_pretrained(directory)
    return directory


def of_family(family: str, tokenizer: Path, directory: Path) -> Path:
    """A model of another family as small, from its configuration, with the tokenizer of a model made by ``build``."""
    torch.manual_seed(1)
    config = AutoConfig.for_model(
        family, vocab_size=400, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=512, initializer_range=0.2, tie_word_embeddings=True)
    AutoModelForCausalLM.from_config(config).save_pretrained(directory)
    copy_tokenizer(tokenizer, directory)
    return directory


def write_decision(directory: Path, base: Path, **changes: object) -> Path:
    """A decision directory for a model made by ``build``."""
    directory.mkdir(parents=True)
    (directory / "tokenizer.json").write_bytes((base / "tokenizer.json").read_bytes())
    sides = template("判断意图")
    ids = label_ids(read_tokenizer(base), LABELS, sides.suffix)
    intents = [{"name": name, "label": label, "label_id": i, "route": "local" if label in "ABC" else "cloud"}
               for name, label, i in zip(NAMES, LABELS, ids, strict=True)]
    content = {"version": 1, "prefix": sides.prefix, "suffix": sides.suffix, "max_length": 64, "intents": intents,
               "temperature": 1.5, "confidence_threshold": 0.6}
    (directory / "decision.json").write_text(json.dumps({**content, **changes}), encoding="utf-8")
    return directory


def compress(name: str, out: Path, source: Source, **settings: object) -> None:
    """One compression step into the folder ``out``, made here if need be."""
    out.mkdir(parents=True, exist_ok=True)
    (scratch := out.with_name(f"{out.name}.scratch")).mkdir(exist_ok=True)
    run_step(name, out, scratch, source, technique(name).Settings(**settings))


@pytest.fixture(scope="session")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.getbasetemp() / "tiny-merged"
    return directory if directory.exists() else build(directory)


@pytest.fixture(scope="session")
def fp32(merged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.getbasetemp() / "tiny-fp32"
    if not directory.exists():
        directory.mkdir()
        export_onnx(directory, merged=merged, config=EXPORT)
    return directory


@pytest.fixture(scope="session")
def int8(fp32: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.getbasetemp() / "tiny-int8"
    if not directory.exists():
        directory.mkdir()
        compress("int8", directory, Source(fp32))
    return directory


@pytest.fixture(scope="session")
def decision(merged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.getbasetemp() / "tiny-decision"
    return directory if directory.exists() else write_decision(directory, merged)


@pytest.fixture(scope="session")
def generator_fp32(merged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.getbasetemp() / "tiny-generator-fp32"
    if not directory.exists():
        directory.mkdir()
        export_generator(directory, merged=merged, config=EXPORT)
    return directory


@pytest.fixture(scope="session")
def generator_int8(generator_fp32: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.getbasetemp() / "tiny-generator-int8"
    if not directory.exists():
        directory.mkdir()
        compress("int8", directory, Source(generator_fp32))
    return directory
