"""Whose label tokens a classifier's head keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.data.intents import INTENTS
from pipeline.runtime.prompt import label_ids

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def label_rows(tokenizer: Tokenizer, config: Mapping[str, Any]) -> list[int]:
    """The token ids of config's ``labels``, in their order; without it, of the intents'."""
    return label_ids(tokenizer, config.get("labels") or [intent.label for intent in INTENTS])
