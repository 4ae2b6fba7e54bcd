"""A language model that continues token ids one step at a time; needs nothing but onnxruntime and numpy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import EdgeError
from pipeline.runtime.exported import file_and_length
from pipeline.runtime.files import read_object
from pipeline.runtime.onnx_runtime import open_session
from pipeline.runtime.prefixes import BLOCK, Prefixes

TASK = "generator"
CACHE_BYTES = 64 * 2**20  # of the keys and values of earlier prompts' beginnings
_SIZES = ("layers", "kv_heads", "head_dim", "vocabulary")


class Generator:
    """A loaded model; several threads may start and feed generations of their own at once.

    ``vocabulary``: how many ids there are; ``max_length``: the most ids of one prompt and its answer together.
    """

    def __init__(self, session: Any, vocabulary: int, max_length: int, row: tuple[int, int, int], cache_bytes: int) -> None:
        self.vocabulary, self.max_length = vocabulary, max_length
        self._session, self._row, self._prefixes = session, row, Prefixes(cache_bytes)

    def start(self, ids: Sequence[int]) -> Generation:
        """Read a whole prompt; what an earlier prompt began with as well is not computed again.

        EdgeError when there are none, more than ``max_length``, or one is not of the vocabulary.
        """
        self.check(ids)
        generation, known = Generation(self), self._prefixes.known(ids)
        for rows in known:
            generation._append(rows)
        for begin in range(BLOCK * len(known), len(ids), BLOCK):
            generation.feed(ids[begin : begin + BLOCK])
        self._prefixes.remember(ids, generation._rows)
        return generation

    def check(self, ids: Sequence[int], before: int = 0) -> None:
        """EdgeError unless ``ids`` can be read after ``before`` others."""
        room = self.max_length - before
        if not 0 < len(ids) <= room:
            raise EdgeError(f"expected 1 to {room} token ids after {before}, found {len(ids)}; shorten the prompt or the answer")
        if not 0 <= min(ids) <= max(ids) < self.vocabulary:
            raise EdgeError(f"expected token ids from 0 to {self.vocabulary - 1}, found {min(ids)} to {max(ids)}; "
                            "use the tokenizer of the same model")

    def _run(self, ids: Sequence[int], past: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.check(ids, len(past))
        logits, new = self._session.run(["logits", "new"], {"ids": np.asarray([ids], dtype=np.int64), "past": past})
        return logits[0], new


class Generation:
    """Ids that were read, as their keys and values, and what the model expects after them.  Of one thread at a time."""

    logits: np.ndarray  # float32 [vocabulary], of the next id

    def __init__(self, generator: Generator) -> None:
        self._generator, self._length = generator, 0
        self._room = np.empty((generator.max_length, *generator._row), np.float32)  # the system gives memory as it is filled

    @property
    def _rows(self) -> np.ndarray:
        return self._room[: self._length]

    def feed(self, ids: Sequence[int]) -> None:
        """Read further ids in one step; EdgeError as ``Generator.start``, and then nothing was read."""
        self.logits, new = self._generator._run(ids, self._rows)
        self._append(new)

    def _append(self, rows: np.ndarray) -> None:
        self._room[self._length : self._length + len(rows)] = rows
        self._length += len(rows)


def open_generator(model: Path, threads: int, cache_bytes: int = CACHE_BYTES) -> Generator:
    """Open an exported directory; EdgeError when it is missing, broken or holds something else than a generator."""
    if threads < 1:
        raise EdgeError(f"threads: expected at least 1, found {threads}")
    spec = read_object(model / "runtime.json", "the runtime of an exported model")
    if (spec.get("backend"), spec.get("task")) != ("onnx", TASK):
        raise EdgeError(f"{model}/runtime.json: expected the backend onnx and the task {TASK}, found {spec.get('backend')!r} and "
                        f"{spec.get('task')!r}; use the directory of a generator")
    file, length = file_and_length(model, spec)
    sizes = [spec.get(name) for name in _SIZES]
    if not all(type(size) is int and size > 0 for size in sizes):
        raise EdgeError(f"{model}/runtime.json: expected positive whole numbers as {', '.join(_SIZES)}, found {sizes}; export it again")
    layers, kv_heads, head_dim, vocabulary = sizes
    row = (2 * layers, kv_heads, head_dim)
    session = open_session(file, threads)
    _check_signature(session, file, row, vocabulary)
    return Generator(session, vocabulary, length, row, cache_bytes)


def _check_signature(session: Any, file: Path, row: tuple[int, int, int], vocabulary: int) -> None:
    found = {value.name: (value.type, value.shape[1:]) for value in [*session.get_inputs(), *session.get_outputs()]}
    rows = ("tensor(float)", list(row))
    length = found.get("ids", ("", []))[1]
    expected = {"ids": ("tensor(int64)", length), "past": rows, "logits": ("tensor(float)", [vocabulary]), "new": rows}
    if found != expected:
        raise EdgeError(f"{file}: expected {vocabulary} logits and keys and values of {row} as in runtime.json, found {found}; "
                        "export it again")
