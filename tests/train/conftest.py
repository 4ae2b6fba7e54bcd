"""A Qwen3 of a few thousand weights with a real byte-level tokenizer, and records in the documented form."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

QUERIES = {
    "weather_query": ("今天天气怎么样", "明天会下雨吗"),
    "time_query": ("现在几点了", "今天是几号"),
    "simple_qa": ("中国的首都是哪里", "一公里有多少米"),
}


def write_base(directory: Path, hidden: int = 32, layers: int = 2, seed: int = 0) -> Path:
    """Random float32 weights, Qwen3's pre-tokenizer and special tokens, tied embeddings."""
    import torch
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import Qwen3Config, Qwen3ForCausalLM

    words = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(words), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(["system user assistant\n\n", *sum(QUERIES.values(), ())] * 4, trainer)
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    tokenizer.add_tokens([AddedToken("<think>", normalized=False), AddedToken("</think>", normalized=False)])
    config = Qwen3Config(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=hidden, intermediate_size=64, num_hidden_layers=layers,
        num_attention_heads=2, num_key_value_heads=1, head_dim=16, tie_word_embeddings=True,
        max_position_embeddings=256, eos_token_id=tokenizer.token_to_id("<|im_end|>"), bos_token_id=None,
        pad_token_id=tokenizer.token_to_id("<|endoftext|>"),
    )
    torch.manual_seed(seed)
    Qwen3ForCausalLM(config).save_pretrained(directory)
    tokenizer.save(str(directory / "tokenizer.json"))
    names = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    (directory / "tokenizer_config.json").write_text(json.dumps(names))
    return directory


@pytest.fixture(scope="session")
def make_base() -> Callable[..., Path]:
    """make_base(directory, hidden=32, layers=2, seed=0) -> the directory, written."""
    return write_base


@pytest.fixture(scope="session")
def pristine_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be changed by a test."""
    return write_base(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture
def base(pristine_base: Path, tmp_path: Path) -> Path:
    """A copy that a test may break."""
    return Path(shutil.copytree(pristine_base, tmp_path / "base"))


@pytest.fixture
def write_records(tmp_path: Path) -> Callable[..., Path]:
    """write_records(name, rows, **changed) -> file of ``rows`` documented records, the last one with fields changed."""

    def write(name: str, rows: int, **changed: Any) -> Path:
        records = [_record(number) for number in range(rows)]
        if changed:
            records[-1] |= changed
        file = tmp_path / f"{name}.jsonl"
        file.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
        return file

    return write


def _record(number: int) -> dict[str, Any]:
    intent = list(QUERIES)[number % len(QUERIES)]
    return {
        "query": f"{QUERIES[intent][number // 3 % 2]}{number}",
        "intent": intent,
        "should_route_to_cloud": False,
        "confidence_threshold": 0.6,
        "expected_output": {"intent": intent, "confidence": 0.9, "route": "local"},
    }


@pytest.fixture
def config() -> dict[str, Any]:
    """The two sections of a profile that training reads."""
    return {
        "prompt": {"system": "判断意图", "max_length": 128},
        "train": {"rank": 8, "alpha": 16, "dropout": 0.05, "target_modules": ["q_proj", "v_proj"], "layers": None,
                  "learning_rate": 4e-3, "warmup": 0.0, "weight_decay": 0.1, "epochs": 2, "batch_size": 8, "seed": 42},
    }
