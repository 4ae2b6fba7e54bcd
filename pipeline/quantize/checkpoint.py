"""A Hugging Face directory to be quantised: its tensors one by one, and which of them are matrices of linear layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from pipeline.errors import EdgeError
from pipeline.formats.parquet.columns import Row
from pipeline.formats.parquet.safetensors_file import read_header
from pipeline.quiet import quiet
from pipeline.runtime.files import read_object
from pipeline.train.weights import weight_files

CONFIG, HEAD = "config.json", "lm_head.weight"
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Header:
    """Where a tensor lies, and what it is."""

    file: Path
    shape: Shape
    dtype: torch.dtype
    bytes: int


@dataclass(frozen=True)
class Checkpoint:
    """config: the content of config.json.  tensors: by name, in the files' order, a tied head left out.  linear: the names of
    the weights of linear modules."""

    directory: Path
    config: Mapping[str, Any]
    tensors: Mapping[str, Header]
    linear: frozenset[str]

    @property
    def bytes(self) -> int:
        return sum(header.bytes for header in self.tensors.values())

    def rows(self) -> Iterator[Row]:
        """The tensors as bytes, a file after the other."""
        for file in dict.fromkeys(header.file for header in self.tensors.values()):
            yield from (row for row in read_header(file).rows if row.name in self.tensors)

    def read(self, name: str) -> Tensor:
        """The tensor alone, from the mapped file, whose pages are let go with it."""
        with _opened(file := self.tensors[name].file) as tensors:
            try:
                return tensors.get_tensor(name)
            except (SafetensorError, OSError) as error:
                raise _damaged(file, error) from None


def open_checkpoint(directory: Path) -> Checkpoint:
    """The model of a directory; EdgeError for none, one that is quantised already, and weights that its config.json does not fit."""
    config = read_object(directory / CONFIG, "a model's configuration")
    if done := config.get("quantization_config"):
        how = done.get("quant_method", "an unknown method") if isinstance(done, dict) else "an unknown method"
        raise EdgeError(f"{directory}: expected a model that is not quantised yet, found one by {how}; give the original")
    tensors = headers(directory)
    if not tensors:
        raise EdgeError(f"{directory}: expected at least one tensor, found none; copy or build the model again")
    if config.get("tie_word_embeddings"):
        tensors.pop(HEAD, None)
    return Checkpoint(directory, config, tensors, frozenset(_linear(directory, tensors)))


def headers(directory: Path) -> dict[str, Header]:
    """Every tensor of a directory; EdgeError for a file that is missing or damaged, and for a tensor that stands in two."""
    found: dict[str, Header] = {}
    for file in weight_files(directory):
        with _opened(file) as tensors:
            for name in tensors.keys():
                if name in found:
                    raise EdgeError(f"{name}: expected it in one file, found it in {found[name].file.name} and {file.name}; remove one")
                tensor = tensors.get_tensor(name)  # mapped: nothing is read
                found[name] = Header(file, tuple(tensor.shape), tensor.dtype, tensor.nbytes)
    _check_index(directory, found)
    return found


def _check_index(directory: Path, found: Mapping[str, Header]) -> None:
    index = directory / "model.safetensors.index.json"
    if (directory / "model.safetensors").is_file() or not index.is_file():
        return
    for name, file in read_object(index, "the index of a sharded model")["weight_map"].items():
        if name not in found or found[name].file.name != file:
            raise EdgeError(f"{directory / file}: expected the tensor {name}, found none; download the model again")


def _linear(directory: Path, tensors: Mapping[str, Header]) -> list[str]:
    """By the model that transformers makes of config.json, without its weights."""
    with quiet():
        from transformers import AutoConfig, AutoModelForCausalLM

        try:
            config = AutoConfig.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
            with torch.device("meta"):
                model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
        except Exception as error:  # each configuration raises its own kinds
            reason = " ".join(str(error).split()) or type(error).__name__
            raise EdgeError(f"{directory}: expected a causal language model that transformers knows, found {reason:.200}; "
                            "give another model") from None
    wanted = {name: tuple(weight.shape) for name, weight in model.named_parameters()}
    for name, shape in wanted.items():
        if name not in tensors:
            raise EdgeError(f"{directory}: expected the tensor {name} of its config.json, found none; copy or build the model again")
        if tensors[name].shape != shape:
            raise EdgeError(f"{name} in {tensors[name].file}: expected the shape {list(shape)} of config.json, found "
                            f"{list(tensors[name].shape)}; copy or build the model again")
    return [f"{name}.weight" for name, module in model.named_modules()
            if isinstance(module, torch.nn.Linear) and f"{name}.weight" in tensors]


def _opened(file: Path) -> Any:
    try:
        return safe_open(file, "pt")
    except (SafetensorError, OSError) as error:
        raise _damaged(file, error) from None


def _damaged(file: Path, error: Exception) -> EdgeError:
    return EdgeError(f"expected whole weights in {file}, found: {error}; copy or build it again")
