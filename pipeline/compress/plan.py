"""Sizes before anything is built: what a recipe will make of a model, by arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.runtime.files import read_object

SCALE_BITS = 32
"""Of a scale, one a group or an output channel."""


@dataclass(frozen=True)
class Plan:
    """A Qwen3's measures, the bits a weight takes and how many seconds the steps so far will take.

    matrix_bits and embedding_bits count scales in.  matrix_share: what is left of a layer's matrices where a technique
    factorises or removes a part of them.  A tied head is counted once.
    """

    vocabulary: int
    hidden: int
    layers: int
    ffn: int
    heads: int
    kv_heads: int
    head_dim: int
    tied: bool
    matrix_bits: float = 32
    embedding_bits: float = 32
    matrix_share: float = 1.0
    seconds: float = 0.0

    @property
    def matrices(self) -> int:
        """Weights of the decoder layers' matrices."""
        attention = self.hidden * self.head_dim * 2 * (self.heads + self.kv_heads)
        return round(self.layers * (attention + 3 * self.hidden * self.ffn) * self.matrix_share)

    @property
    def embedding(self) -> int:
        return self.vocabulary * self.hidden

    @property
    def parameters(self) -> int:
        """All weights; norms are the rest."""
        norms = self.layers * (2 * self.hidden + 2 * self.head_dim) + self.hidden
        return self.matrices + self.embedding * (1 if self.tied else 2) + norms

    @property
    def bytes(self) -> int:
        """Of the weights as they are served: the head is cut to the labels' rows."""
        return round((self.matrices * self.matrix_bits + self.embedding * self.embedding_bits) / 8)

    def after(self, seconds: float = 0.0, **changes: Any) -> Plan:
        """The plan with some measures changed, and so many seconds more."""
        return replace(self, **changes, seconds=self.seconds + seconds)


def plan_of(model: Path) -> Plan:
    """The measures in a Hugging Face directory's config.json, as it will be exported: in float32."""
    return from_config(read_object(model / "config.json", "a model's configuration"))


def from_config(config: Mapping[str, Any]) -> Plan:
    return Plan(
        vocabulary=config["vocab_size"], hidden=config["hidden_size"], layers=config["num_hidden_layers"],
        ffn=config["intermediate_size"], heads=config["num_attention_heads"], kv_heads=config["num_key_value_heads"],
        head_dim=config["head_dim"], tied=bool(config.get("tie_word_embeddings")))


def with_scales(bits: int, group: int) -> float:
    """Bits a weight takes with a scale for every ``group`` of them."""
    return bits + SCALE_BITS / group
