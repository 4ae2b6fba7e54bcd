"""LiteRT on the CPU: shapes are fixed, so a prompt is padded on its left to the next length that the file was converted for."""

from __future__ import annotations

import importlib.util
import platform
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import EdgeError
from pipeline.runtime.exported import file_and_length, read_exported
from pipeline.runtime.static_lengths import StaticLengths

LIBRARY = "ai_edge_litert"
IDENTIFIER = b"TFL3"  # at byte 4 of every .tflite file
DELEGATE = "DELEGATE"
LEFT = frozenset({DELEGATE, "EMBEDDING_LOOKUP", "GATHER", "RESHAPE"})  # rows are looked up by ids before there is anything to compute
ARGUMENTS = ("args_0", "args_1")  # ids and mask, as the converter calls what it knows no name of


def why_not_here() -> str:
    """Why LiteRT does not execute on this machine; "" when it does."""
    if importlib.util.find_spec(LIBRARY):
        return ""
    return (f"LiteRT is not installed on this {platform.system()} {platform.machine()}; where it has a wheel (Linux, Apple Silicon), "
            "pip install -c constraints.txt -e \".[model]\" brings it")


class LiteRtRuntime:
    """One interpreter of fixed threads.  Only one decision at a time: it holds the tensors of each length once."""

    backend = "litert"

    def __init__(self, file: Path, labels: int, max_length: int, threads: int) -> None:
        interpreter = _interpreter(file, threads)
        self._file, self._runners = file, _runners(interpreter, file, labels, max_length)
        self._lengths = StaticLengths.of(self._runners)
        self._lock = threading.Lock()
        self.provider = f"litert-{executed_by(interpreter)}"
        self.threads = threads

    def logits(self, ids: Sequence[int]) -> np.ndarray:
        """Token ids of one whole prompt -> float32 [labels]."""
        padded = self._lengths.padded(ids)
        values = padded.ids, padded.mask.astype(np.float32)
        with self._lock, _readable(self._file):
            outputs = self._runners[padded.ids.shape[1]](**dict(zip(ARGUMENTS, values, strict=True)))
        return np.asarray(next(iter(outputs.values()))[0], dtype=np.float32)


def open_runtime(model: Path, label_ids: Sequence[int], threads: int) -> LiteRtRuntime:
    """Open an exported directory; EdgeError when it is broken, or made for other labels."""
    file, length = file_and_length(model, read_exported(model, label_ids))
    return LiteRtRuntime(file, len(label_ids), length, threads)


def executed_by(interpreter: Any) -> str:
    """"xnnpack" when its delegate took all of the first signature that computes, else "cpu".

    By the nodes that the outputs come from, found backwards from them: what a delegate makes, nobody else computes.
    """
    nodes = interpreter._get_ops_details()  # the one way there is to see the nodes; a delegate's own stand after the file's
    maker = {output: node for node in nodes for output in node["outputs"]}
    waiting, running = [detail["index"] for detail in interpreter.get_output_details()], {}
    while waiting:
        node = maker.get(waiting.pop())
        if node and node["index"] not in running:
            running[node["index"]] = node["op_name"]
            waiting.extend(node["inputs"])
    return "xnnpack" if DELEGATE in running.values() and LEFT.issuperset(running.values()) else "cpu"


def _interpreter(file: Path, threads: int) -> Any:
    """The file, with its first signature ready to run; EdgeError for one that is no whole model."""
    from ai_edge_litert.interpreter import Interpreter

    if not file.is_file():
        raise EdgeError(f"expected a model at {file}, found none; export it again")
    with file.open("rb") as start:
        found = start.read(8)[4:]
    if found != IDENTIFIER:
        raise EdgeError(f"{file}: expected a LiteRT model, found a file that does not begin as one; export it again")
    with _readable(file):
        interpreter = Interpreter(str(file), num_threads=threads)
        interpreter.allocate_tensors()
    return interpreter


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """A signature is looked at only when it is asked for first, so its mistakes may come late."""
    try:
        yield
    except (ValueError, RuntimeError) as error:
        raise EdgeError(f"{file}: expected a readable LiteRT model, found {str(error).strip() or type(error).__name__}; "
                        "export it again") from error


def _runners(interpreter: Any, file: Path, labels: int, max_length: int) -> dict[int, Any]:
    """Length -> signature; EdgeError unless each takes ids and mask, gives the labels' logits, and the longest is ``max_length``."""
    found = {}
    for name in interpreter.get_signature_list():
        runner = interpreter.get_signature_runner(name)
        takes = {key: (tuple(detail["shape"]), detail["dtype"]) for key, detail in runner.get_input_details().items()}
        gives = [tuple(detail["shape"]) for detail in runner.get_output_details().values()]
        length = takes[ARGUMENTS[0]][0][-1] if ARGUMENTS[0] in takes else 0
        expected = dict(zip(ARGUMENTS, (((1, length), np.int32), ((1, length), np.float32)), strict=True))
        if takes != expected or gives != [(1, labels)]:
            raise EdgeError(f"{file}: expected ids and mask of one length and logits for {labels} labels, found {takes} and {gives} in "
                            f"the signature {name}; use the decision that was made from the same model, or export it again")
        found[int(length)] = runner
    if max(found, default=0) != max_length:
        raise EdgeError(f"{file}: expected a signature of {max_length} token ids as the longest, found {sorted(found)}; export it again")
    return found
