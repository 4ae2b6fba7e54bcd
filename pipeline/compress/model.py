"""A Hugging Face directory as the techniques of the WEIGHTS stage read and write it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pipeline.base.reference import save_model
from pipeline.errors import EdgeError
from pipeline.runtime.torch_runtime import load_model

TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "vocab.json", "merges.txt", "special_tokens_map.json")


def open_model(directory: Path, dtype: str | torch.dtype = "auto") -> Any:
    """The Qwen3 of a directory, in the type its weights are stored in; EdgeError for another family."""
    model = load_model(directory, dtype)
    if model.config.model_type != "qwen3":
        raise EdgeError(f"{directory}: expected a qwen3 model, found {model.config.model_type}; its parts have to be named first")
    return model


def write_model(model: Any, source: Path, out: Path) -> None:
    """Write the model in its own type, a tied head once, with the tokenizer of ``source``."""
    save_model(model, out)
    copy_tokenizer(source, out)


def copy_tokenizer(source: Path, out: Path) -> None:
    for name in TOKENIZER:
        if (source / name).is_file():
            shutil.copyfile(source / name, out / name)


def decoder_layers(model: Any) -> nn.ModuleList:
    return model.model.layers


def matrices(model: Any) -> dict[str, nn.Linear]:
    """The linear layers inside the decoder layers by their name in the weights; embedding and head are not among them."""
    return {f"model.layers.{name}": module for name, module in decoder_layers(model).named_modules() if isinstance(module, nn.Linear)}
