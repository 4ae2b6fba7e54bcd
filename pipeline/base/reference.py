"""The reference base: a small Qwen3 that is pre-trained on this machine, from text made here (see corpus.py)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.base.corpus import documents
from pipeline.base.tokenizer import CONTROL, train_tokenizer
from pipeline.errors import EdgeError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, Qwen3Config

TOKENIZER_DOCUMENTS = 20_000
ATTENTION = "eager"
"""In training: on a CPU and short documents its backward pass takes a ninth of the time of SDPA's."""


@dataclass(frozen=True)
class Reference:
    """What may be set of the reference base; `exclude` holds queries that its corpus must not contain."""

    seed: int = 20260101
    documents: int = 62_000
    vocab_size: int = 4096
    hidden: int = 128
    layers: int = 10
    ffn: int = 384
    heads: int = 4
    kv_heads: int = 2
    tokens: int = 4096
    matrix_lr: float = 0.03
    other_lr: float = 1e-2
    exclude: tuple[str, ...] = ()


def _settings(config: Mapping[str, Any]) -> Reference:
    given = {name: value for name, value in config.items() if name != "kind"}
    known = [field.name for field in fields(Reference)]
    if unknown := sorted(set(given) - set(known)):
        raise EdgeError(f"base of kind reference knows the settings {', '.join(known)}, not {', '.join(unknown)}")
    return Reference(**{**given, "exclude": tuple(given.get("exclude", ()))})


def qwen3_config(settings: Reference, tokenizer: PreTrainedTokenizerBase) -> Qwen3Config:
    """Qwen3's configuration at the reference's size, embeddings tied."""
    from transformers import Qwen3Config

    return Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=settings.hidden, intermediate_size=settings.ffn,
        num_hidden_layers=settings.layers, num_attention_heads=settings.heads, num_key_value_heads=settings.kv_heads,
        head_dim=settings.hidden // settings.heads, max_position_embeddings=1024, rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0}, tie_word_embeddings=True,
        bos_token_id=tokenizer.convert_tokens_to_ids(CONTROL[0]), eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id)


def write_tokenizer(out: Path, settings: Reference) -> PreTrainedTokenizerBase:
    """Train the tokenizer on a corpus of its own (same word lists, same seed), write it into `out` and load it."""
    from transformers import AutoTokenizer

    made = documents(TOKENIZER_DOCUMENTS, settings.seed, settings.exclude)
    read = [piece for document in made for piece, _ in document.pieces if "<|" not in piece]
    train_tokenizer(read + ["\n", "\n\n"] * 2000, settings.vocab_size, out)
    return AutoTokenizer.from_pretrained(out)


def _quiet_branches(model: PreTrainedModel) -> None:
    """Start every layer near the identity: with so few steps, ten random layers in a row would drown the words."""
    import torch

    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.mul_(0.01)
            layer.mlp.down_proj.weight.mul_(0.01)


def save_model(model: PreTrainedModel, out: Path) -> None:
    """Write config, weights and a greedy generation configuration (the decision never samples), without a progress bar."""
    from transformers import GenerationConfig
    from transformers.utils import logging

    logging.disable_progress_bar()
    model.generation_config = GenerationConfig(
        do_sample=False, eos_token_id=model.config.eos_token_id, pad_token_id=model.config.pad_token_id)
    model.save_pretrained(out)


def build_reference(out: Path, scratch: Path, config: Mapping[str, Any]) -> None:
    """Make the corpus and the tokenizer, pre-train, and write a Hugging Face directory (float32) into `out`.

    Settings: the fields of Reference.  Takes minutes (README, "Where it stands").  Raises EdgeError for an unknown setting.
    """
    import torch
    from transformers import Qwen3ForCausalLM

    from pipeline.base.pretrain import Recipe, encode, pretrain

    settings = _settings(config)
    made = list(documents(settings.documents, settings.seed, settings.exclude))
    out.mkdir(parents=True, exist_ok=True)
    scratch.mkdir(parents=True, exist_ok=True)
    tokenizer = write_tokenizer(out, settings)
    torch.manual_seed(settings.seed)
    model = Qwen3ForCausalLM._from_config(qwen3_config(settings, tokenizer), attn_implementation=ATTENTION)
    _quiet_branches(model)
    recipe = Recipe(settings.seed, matrix_lr=settings.matrix_lr, other_lr=settings.other_lr, tokens=settings.tokens)
    losses = list(pretrain(model, encode(made, tokenizer), tokenizer.pad_token_id, recipe, scratch))
    save_model(model, out)
    (out / "pretraining.json").write_text(json.dumps({"loss": [round(loss, 4) for loss in losses]}), encoding="utf-8")
