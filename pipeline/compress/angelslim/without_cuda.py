"""GPTQ and AWQ of AngelSlim name CUDA where their arithmetic needs none; without CUDA these four lines are read differently.

The last keeps AWQ's search from changing the weights that it means to put back: they were a copy on the device, and are the same tensor
on a CPU.  Nothing else of either method is touched.  ImportError where a line is no longer there: another version has to be looked at anew.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType

LINES = {
    "angelslim.models.base_model": (('device = "cuda:0"', 'device = "cpu"'),),
    "angelslim.compressor.quant.modules.gptq.gptq": (('dev = f"cuda:{self.rank}"', 'dev = "cpu"'),),
    "angelslim.compressor.quant.modules.gptq.gptq_module": (("torch.cuda.synchronize()", "pass"),),
    "angelslim.compressor.quant.modules.awq.search": (("layer.weight.data = w.to(dev)", "layer.weight.data = w.to(dev, copy=True)"),),
}


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        import torch

        source = self.get_source(fullname) or ""
        for line, instead in () if torch.cuda.is_available() else LINES[fullname]:
            if source.count(line) != 1:
                raise ImportError(f"expected the line {line} once in {fullname}, found it {source.count(line)} times", name=fullname)
            source = source.replace(line, instead)
        return self.source_to_code(source.encode(), self.path)


class _Finder:
    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in LINES else None
        if spec and spec.origin:
            spec.loader = _Loader(name, spec.origin)
        return spec


def install() -> None:
    """From now on those modules are imported with the lines changed, unless CUDA is there."""
    sys.meta_path.insert(0, _Finder)
