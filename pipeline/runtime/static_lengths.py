"""Static lengths that a model is served at, how a prompt is put into one of them, and what a Core ML directory says of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipeline.errors import EdgeError
from pipeline.runtime.exported import check_length, read_exported


class Padded(NamedTuple):
    """A function's name and its two inputs, int32 [1, length] each: ids, and mask with 1 = token, 0 = left padding."""

    function: str
    ids: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True)
class StaticLengths:
    """``functions``: name -> static length in token ids, the shortest first."""

    functions: Mapping[str, int]

    @classmethod
    def of(cls, lengths: Iterable[int]) -> StaticLengths:
        """Functions that are called by their lengths."""
        return cls({str(length): length for length in sorted(lengths)})

    @property
    def longest(self) -> int:
        """Token ids."""
        return max(self.functions.values())

    def padded(self, ids: Sequence[int], function: str = "") -> Padded:
        """The ids of one whole prompt, for the shortest function that they fit or a longer one; EdgeError when there are none or too
        many."""
        check_length(ids, self.functions[function] if function else self.longest)
        name = function or next(name for name, length in self.functions.items() if length >= len(ids))
        length = self.functions[name]
        values, mask = np.zeros((2, 1, length), np.int32)
        values[0, length - len(ids) :], mask[0, length - len(ids) :] = ids, 1
        return Padded(name, values, mask)


def lengths_up_to(longest: int, usual: Iterable[int]) -> list[int]:
    """The ``usual`` lengths below the longest, and that."""
    return [*(length for length in usual if length < longest), longest]


@dataclass(frozen=True)
class CoreMLFiles(StaticLengths):
    """``inputs``: the names of ids and mask."""

    package: Path
    inputs: tuple[str, str]
    output: str


def read_coreml_files(model: Path, label_ids: Sequence[int]) -> CoreMLFiles:
    """The runtime.json of an exported directory; EdgeError when it is broken or made for other labels."""
    spec = read_exported(model, label_ids)
    name, functions, longest = spec.get("file"), spec.get("functions"), spec.get("max_length")
    names = [*inputs, spec.get("output")] if isinstance(inputs := spec.get("inputs"), list) else []
    if (not isinstance(name, str) or Path(name).name != name or not _lengths(functions) or not isinstance(longest, int)
            or longest != max(functions.values()) or len(names) != 3 or not all(isinstance(each, str) for each in names)):
        raise EdgeError(f"{model}/runtime.json: expected the file, functions with their lengths up to max_length, two inputs and "
                        f"an output, found {name!r:.60}, {functions!r:.60}, {longest!r:.20} and {names!r:.60}; export it again")
    ordered = dict(sorted(functions.items(), key=lambda each: each[1]))
    return CoreMLFiles(ordered, model / name, (names[0], names[1]), names[2])


def _lengths(functions: Any) -> bool:
    return isinstance(functions, dict) and len(functions) > 0 and all(type(length) is int and length > 0 for length in functions.values())
