"""The small files of a model directory (configuration, tokenizer, chat template) in the metadata of a Parquet file."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import EdgeError

KEY = "edge.file."
INDEX = "model.safetensors.index.json"
SUFFIXES = (".json", ".jinja", ".txt", ".model", ".tiktoken", ".yaml", ".yml", ".md")
NAMES = ("LICENSE", "NOTICE")
LARGEST = 64 << 20
"""Bytes of them together.  A tokenizer of 150,000 tokens has 11 MB."""


def pack(directory: Path) -> dict[str, bytes]:
    """The directory's files as metadata, each compressed by zlib and in base64, since Parquet's metadata are text.

    EdgeError where they are too large for a footer.
    """
    files = [file for file in sorted(directory.iterdir()) if carried(file)]
    if (total := sum(file.stat().st_size for file in files)) > LARGEST:
        largest = max(files, key=lambda file: file.stat().st_size)
        raise EdgeError(f"{directory}: expected at most {LARGEST} bytes of files beside the weights, found {total}; "
                        f"move {largest.name} away")
    return {KEY + file.name: base64.b64encode(zlib.compress(file.read_bytes())) for file in files}


def unpack(metadata: Mapping[str, bytes]) -> dict[str, bytes]:
    """Content by name; EdgeError for a name that is more than a file's of this kind, or content that unfolds to too much."""
    found: dict[str, bytes] = {}
    for key, value in metadata.items():
        if not key.startswith(KEY):
            continue
        name = key.removeprefix(KEY)
        if not plain(name):
            raise EdgeError(f"expected plain file names in the metadata, found {name[:80]!r}; do not use this file")
        room = LARGEST - sum(map(len, found.values()))
        unfolding = zlib.decompressobj()
        try:
            found[name] = unfolding.decompress(base64.b64decode(value, validate=True), room + 1)
        except (zlib.error, ValueError) as error:
            raise EdgeError(f"expected {name} in the metadata, found {error}; convert the model again") from None
        if len(found[name]) > room or not unfolding.eof:
            raise EdgeError(f"expected {name} whole and with the others at most {LARGEST} bytes in the metadata, found it cut or larger; "
                            "do not use this file")
    return found


def carried(file: Path) -> bool:
    return plain(file.name) and file.is_file()


def plain(name: str) -> bool:
    """Whether it is the name of such a file in the directory itself, and of no list of other weights."""
    other = name.endswith(".index.json") and name != INDEX
    return name.isprintable() and not name.startswith(".") and not set(name) & set("/\\:") and not other and (
        name.endswith(SUFFIXES) or name in NAMES)


def is_parquet(path: Path) -> bool:
    """Whether it is a file that begins as Parquet does."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"
