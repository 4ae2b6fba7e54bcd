"""A Core ML directory's program executed in numpy: what the very file that goes to a device means, on any machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np

from pipeline.errors import EdgeError
from pipeline.formats.mil_interpreter import Interpreter
from pipeline.formats.mlpackage import read_mlpackage
from pipeline.runtime.static_lengths import CoreMLFiles, read_coreml_files


class MilRuntime:
    """Every function of the package; one is made ready when a prompt of its length first comes."""

    backend = "mil"
    provider = "numpy, program semantics"

    def __init__(self, files: CoreMLFiles, labels: int, threads: int) -> None:
        self.threads = threads
        self._files, self._labels = files, labels
        self._program, self._ready, self._lock = read_mlpackage(files.package), dict[str, Interpreter](), Lock()
        if missing := sorted(set(files.functions) - set(self._program.functions)):
            raise EdgeError(f"{files.package}: expected the functions of runtime.json, found no {', '.join(missing)}; export it again")

    @property
    def faults(self) -> dict[str, str]:
        """"function tensor" -> "overflow" or "not finite", of all prompts until now."""
        return {f"{name} {tensor}": fault for name, ready in sorted(self._ready.items()) for tensor, fault in ready.faults.items()}

    def logits(self, ids: Sequence[int], function: str = "") -> np.ndarray:
        """Token ids of one whole prompt -> float32 [labels], by the shortest function that they fit or by another."""
        padded = self._files.padded(ids, function)
        outputs = self._interpreter(padded.function).run(dict(zip(self._files.inputs, (padded.ids, padded.mask), strict=True)))
        values = outputs.get(self._files.output)
        if values is None or values.shape != (1, self._labels):
            raise EdgeError(f"{self._files.package}: expected {self._files.output} for {self._labels} labels, found "
                            f"{ {name: array.shape for name, array in outputs.items()} }; export it again")
        return np.asarray(values, np.float32)[0]

    def _interpreter(self, function: str) -> Interpreter:
        with self._lock:
            if function not in self._ready:
                self._ready[function] = Interpreter(self._program.functions[function])
            return self._ready[function]


def open_runtime(model: Path, label_ids: Sequence[int], threads: int) -> MilRuntime:
    """Open an exported Core ML directory; EdgeError when it is broken or made for other labels."""
    return MilRuntime(read_coreml_files(model, label_ids), len(label_ids), threads)
