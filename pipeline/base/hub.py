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

WANTED = ["*.safetensors", "*.json", "*.txt", "*.jinja"]
COPIED = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
          "vocab.json", "merges.txt", "special_tokens_map.json", "added_tokens.json", "model.safetensors.index.json")


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise EdgeError(f"a model directory needs {path.name}, but {path} is not there: download the model again")
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise EdgeError(f"{path} must be JSON, but is not ({error}): download it again") from None
    if not isinstance(read, dict):
        raise EdgeError(f"{path} must hold a JSON object, but holds a {type(read).__name__}: download it again")
    return read


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


def weight_files(path: Path) -> list[Path]:
    """The safetensors files of a model directory: model.safetensors, or those that the index of a sharded model names."""
    index = path / "model.safetensors.index.json"
    if (path / "model.safetensors").is_file() or not index.is_file():
        return [path / "model.safetensors"]
    shards = _json(index).get("weight_map")
    if not isinstance(shards, dict) or not shards or not all(isinstance(name, str) for name in shards.values()):
        raise EdgeError(f"{index} must hold a weight_map of tensor to file, but does not: download it again")
    if any(Path(name).name != name for name in shards.values()):
        raise EdgeError(f"{index} names a file outside the model directory: do not use this model")
    return [path / name for name in sorted(set(shards.values()))]


def check_model_directory(path: Path) -> None:
    """Raise EdgeError, one line, unless `path` is a directory with a Qwen3 that can be loaded: config.json of
    model_type qwen3, whole safetensors weights and tokenizer.json (without which ms-swift trains on garbage and exits 0).
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
    kind = _json(path / "config.json").get("model_type")
    if kind != "qwen3":
        raise EdgeError(f"{path / 'config.json'} must have model_type qwen3, but has {kind!r}: give a Qwen3 model")
    for file in weight_files(path):
        check_safetensors(file)
    if "model" not in _json(path / "tokenizer.json"):
        raise EdgeError(f"{path / 'tokenizer.json'} must hold a tokenizer, but has no entry model: download it again")


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


def _place(source: Path, target: Path) -> None:
    """A hard link where the file system allows one, else a copy: the weights are gigabytes."""
    target.unlink(missing_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def build_pretrained(out: Path, scratch: Path, config: Mapping[str, Any]) -> None:
    """Check a pretrained Qwen3 and place its files in `out`.

    Settings: model (a directory, or a hub id such as Qwen/Qwen3-0.6B), revision (of the hub; default its main branch).
    No code of the model's author is ever run, and no pickled weights are read.  Raises EdgeError.
    """
    if unknown := sorted(set(config) - {"kind", "model", "revision"}):
        raise EdgeError(f"base of kind pretrained knows the settings model and revision, not {', '.join(unknown)}")
    name = str(config.get("model") or "")
    if not name:
        raise EdgeError("base of kind pretrained needs a model: "
                        "give --model a directory or a hub id like Qwen/Qwen3-0.6B")
    local = Path(name).expanduser()
    is_path = local.exists() or name.startswith((".", "/", "~")) or name.count("/") != 1
    source = local if is_path else _download(name, config.get("revision"), scratch)
    check_model_directory(source)
    out.mkdir(parents=True, exist_ok=True)
    for file in [*weight_files(source), *(source / extra for extra in COPIED)]:
        if file.is_file():
            _place(file, out / file.name)
