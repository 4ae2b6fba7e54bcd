"""A pretrained Qwen3 from a local directory or from the Hugging Face hub: checked before anything is built on it."""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import EdgeError
from pipeline.runtime.files import read_object
from pipeline.train.weights import count, model_shapes, weight_files

WANTED = ["*.safetensors", "*.json", "*.txt", "*.jinja"]
COPIED = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
          "vocab.json", "merges.txt", "special_tokens_map.json", "added_tokens.json", "model.safetensors.index.json")


def check_safetensors(path: Path) -> None:
    """Compare the header of a safetensors file with the file's size, reading only the header.

    Format: 8 bytes length N, little-endian; N bytes of JSON; the tensors' bytes.  Raises EdgeError if the file is
    missing, truncated, has bytes too many or no readable header.
    """
    if not path.is_file():
        raise EdgeError(f"the weights {path} were expected, but are not there: download the model again")
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= size - 8:
            raise EdgeError(f"{path} must be a whole safetensors file, but its {size} bytes hold no header: "
                            "it is truncated or of another format (a Git LFS pointer?); download it again")
        try:
            header = json.loads(file.read(length))
            ends = (int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__")
            end = max(ends, default=0)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            raise EdgeError(f"{path} has an unreadable safetensors header: download it again") from None
    if size != 8 + length + end:
        raise EdgeError(f"{path} should have {8 + length + end} bytes by its header, but has {size}: "
                        "it is truncated or damaged; download it again")


def local_directory(model: str) -> Path | None:
    """The directory that `model` names, there or not; None for a hub id such as Qwen/Qwen3-0.6B."""
    is_path = Path(model).exists() or model.startswith((".", "/", "~")) or model.count("/") != 1
    return Path(model) if is_path else None


def check_model_directory(path: Path, parameters: int | None = None) -> None:
    """Raise EdgeError, one line, unless `path` is a directory with a Qwen3 that can be loaded: config.json of
    model_type qwen3, whole safetensors weights and tokenizer.json (without which ms-swift trains on garbage and exits 0).
    `parameters`: how many it must have; any number by default.
    """
    path = Path(path)
    if not path.exists():
        raise EdgeError(f"a model directory was expected at {path}, but there is nothing: "
                        "give --model an existing directory")
    if not path.is_dir():
        raise EdgeError(f"a model directory was expected at {path}, but that is a file: "
                        "give --model its directory")
    if not any(path.iterdir()):
        raise EdgeError(f"a model was expected in {path}, but the directory is empty: download the model into it")
    kind = read_object(path / "config.json", "a model's configuration").get("model_type")
    if kind != "qwen3":
        raise EdgeError(f"{path / 'config.json'} must have model_type qwen3, but has {kind!r}: give a Qwen3 model")
    for file in weight_files(path):
        check_safetensors(file)
    if "model" not in read_object(path / "tokenizer.json", "a tokenizer"):
        raise EdgeError(f"{path / 'tokenizer.json'} must hold a tokenizer, but has no entry model: download it again")
    if parameters is not None:
        _check_size(path, parameters)


def _download(name: str, revision: str | None, scratch: Path) -> Path:
    """The hub's files of `name` under `scratch`; a broken-off download goes on at the next call."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, revision=revision, local_dir=scratch / "hub", allow_patterns=WANTED))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).split("\n")[0]
        raise EdgeError(f"{name} is no local directory and could not be downloaded from the hub ({reason}): "
                        "check the name and the network, or give a local directory") from None


def _link(source: Path, target: Path) -> None:
    """A hard link where the file system allows one, else a copy: the weights are gigabytes."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def _check_size(path: Path, parameters: int) -> None:
    found = count(model_shapes(path))
    if found != parameters:
        raise EdgeError(f"{path}: expected a base of {parameters:,} parameters, which the profile tells about, found {found:,}; "
                        "write a profile of your own with its base.parameters, or without scale in tells")


def build_pretrained(out: Path, scratch: Path, config: Mapping[str, Any]) -> None:
    """Check a pretrained Qwen3 and place its files in `out`.

    Settings: model (a directory, or a hub id such as Qwen/Qwen3-0.6B), revision (of the hub; default its main branch),
    parameters (how many it must have; default any number).  No code of the model's author is ever run, and no pickled
    weights are read.  Raises EdgeError.
    """
    if unknown := sorted(set(config) - {"kind", "model", "revision", "parameters"}):
        raise EdgeError(f"base of kind pretrained knows the settings model, revision and parameters, not {', '.join(unknown)}")
    name = str(config.get("model") or "")
    if not name:
        raise EdgeError("base of kind pretrained needs a model: "
                        "give --model a directory or a hub id like Qwen/Qwen3-0.6B")
    local = local_directory(name)
    source = local or _download(name, config.get("revision"), scratch)
    check_model_directory(source, config.get("parameters"))
    out.mkdir(parents=True, exist_ok=True)
    place = shutil.copyfile if local else _link  # what the user saves over must not change the artifact
    for file in [*weight_files(source), *(source / extra for extra in COPIED)]:
        if file.is_file():
            place(file, out / file.name)
