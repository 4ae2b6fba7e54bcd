"""Qwen3-0.6B's exact shape with random weights: for size, memory, latency and conversion at full scale, never accuracy.

The tokenizer is the reference base's recipe: its ids are below 4,096 while the embedding has all 151,936 rows of the
original, so prompts have about as many tokens as with the original tokenizer, but not the same ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.base.reference import Reference, save_model, write_tokenizer
from pipeline.errors import EdgeError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, Qwen3Config

PARAMETERS = 596_049_920


def shape_config(tokenizer: PreTrainedTokenizerBase | None = None) -> Qwen3Config:
    """Qwen3-0.6B's configuration (config.json of Qwen/Qwen3-0.6B); the special ids are `tokenizer`'s if given."""
    from transformers import Qwen3Config

    ids = {} if tokenizer is None else {
        "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    return Qwen3Config(
        vocab_size=151_936, hidden_size=1024, intermediate_size=3072, num_hidden_layers=28,
        num_attention_heads=16, num_key_value_heads=8, head_dim=128, max_position_embeddings=40_960, rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 1_000_000}, tie_word_embeddings=True, dtype="bfloat16", **ids)


def build_shape(out: Path, scratch: Path, config: Mapping[str, Any]) -> None:
    """Write the shape with random bfloat16 weights into `out`: 1.2 GB, some 20 s, below 3 GB of memory.

    Settings: seed.  `scratch` is not needed.  Raises EdgeError for an unknown setting.
    """
    import torch
    from transformers import Qwen3ForCausalLM

    if unknown := sorted(set(config) - {"kind", "seed"}):
        raise EdgeError(f"base of kind qwen3-shape knows the setting seed, not {', '.join(unknown)}")
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = write_tokenizer(out, Reference())
    torch.manual_seed(int(config.get("seed", 0)))
    model = Qwen3ForCausalLM._from_config(shape_config(tokenizer), dtype=torch.bfloat16)
    save_model(model, out)
