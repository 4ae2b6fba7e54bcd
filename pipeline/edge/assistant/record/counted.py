"""What is counted in the examples, once for all processes: kept beside the byte code, as it is made and goes stale as that does."""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from pipeline.atomic import write_atomically
from pipeline.edge.assistant.record.cues import count_runs
from pipeline.edge.assistant.record.examples import examples, topic_names
from pipeline.edge.assistant.record.ngrams import count_grams
from pipeline.edge.assistant.record.topic import ORDER, talked
from pipeline.errors import EdgeError

Tables = Mapping[str, np.ndarray]
FILE = Path(cache_from_source(__file__)).with_name("counted.npz")


@cache
def tables() -> Tables:
    """``cues_``: as `count_runs` has them; ``talk_`` and ``names_``: as `count_grams` has what is said and what topics are called."""
    return read_tables(FILE)


def read_tables(file: Path) -> Tables:
    """Those of the file where it is of these examples and this code; else they are counted, and kept there if they can be."""
    made_of = _digest()
    with suppress(OSError, ValueError, KeyError, EOFError, BadZipFile), np.load(file, allow_pickle=False) as kept:
        if str(kept["made_of"]) == made_of:
            return {name: kept[name] for name in kept.files if name != "made_of"}
    counts = {"cues": count_runs(examples()), "talk": count_grams(talked(examples()), ORDER),
              "names": count_grams((name.lower() for name in topic_names()), ORDER)}
    made = {f"{part}_{name}": table for part, found in counts.items() for name, table in found.items()}
    if not sys.dont_write_bytecode:
        content = io.BytesIO()
        np.savez(content, made_of=np.array(made_of), **made)
        with suppress(EdgeError):  # an installation that nobody may write to counts again
            write_atomically(file, content.getvalue())
    return made


def part(name: str) -> Tables:
    """The tables of cues, talk or names."""
    return {key.removeprefix(f"{name}_"): table for key, table in tables().items() if key.startswith(f"{name}_")}


def _digest() -> str:
    """Of the examples, and of the code that counts them."""
    digest = hashlib.sha256()
    for source in sorted(path for path in Path(__file__).parent.iterdir() if path.suffix in (".py", ".txt")):
        content = source.read_bytes()
        digest.update(f"{source.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()
