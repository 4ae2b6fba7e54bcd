"""A saved Core ML program (.mlpackage) as a plain structure: functions of operations over named tensors.

Only coremltools' protobuf classes are used, and not through ``import coremltools``, which takes seconds and imports torch.
Weights are mapped and looked at when asked for.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from pipeline.errors import EdgeError, told
from pipeline.formats.mil_types import NAMES, TYPES, stored_bytes, unpack
from pipeline.formats.weight_bin import WeightFile
from pipeline.regular_file import check_regular_file
from pipeline.runtime.files import read_object

_PROTO = "coremltools_proto"
_MODEL_PATH = "@model_path/"  # what the name of a weight file starts with: the folder of the .mlmodel
_FIELDS = {"floats", "ints", "bools", "strings", "longInts", "doubles", "bytes"}


@dataclass(frozen=True)
class Tensor:
    """A named value: dtype as in `pipeline.formats.mil_types`; a dimension of None is not static."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Constant:
    """A value in the file.  ``raw``: uint8, the packed bytes, mapped where they are in weight.bin (``blob``); or the values."""

    dtype: str
    shape: tuple[int, ...]
    raw: np.ndarray = field(repr=False)
    blob: bool = False

    @property
    def stored(self) -> int:
        """Bytes that it takes in the package."""
        return self.raw.nbytes

    def array(self) -> np.ndarray:
        """The values, read-only where they are mapped; those of less than 8 bits in int8 or uint8."""
        values = unpack(self.dtype, self.raw, math.prod(self.shape)) if self.raw.dtype == np.uint8 else self.raw
        return values.reshape(self.shape)


@dataclass(frozen=True)
class Operation:
    """One operation.  ``inputs``: parameter -> the names of tensors or constants bound to it, mostly one; ``attributes`` of
    a ``const`` hold its value as ``val``."""

    kind: str
    name: str
    inputs: Mapping[str, tuple[str | Constant, ...]]
    outputs: tuple[Tensor, ...]
    attributes: Mapping[str, Constant]


@dataclass(frozen=True)
class Function:
    """Operations in the order in which they run, each input defined before its use."""

    name: str
    opset: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[str, ...]
    operations: tuple[Operation, ...]


@dataclass(frozen=True)
class Program:
    """``functions`` by name; ``default`` the one that runs when none is asked for; ``specification``: the file's version."""

    functions: Mapping[str, Function]
    default: str
    specification: int


def read_mlpackage(package: Path) -> Program:
    """The program in a .mlpackage; EdgeError when anything in it is missing, truncated, outside it or unknown."""
    file = _model_file(package)
    model = _parsed(file)
    if model.WhichOneof("Type") != "mlProgram" or not model.mlProgram.functions:
        raise EdgeError(f"{file}: expected a program with functions, found {model.WhichOneof('Type') or 'none'}; "
                        "convert the model to an mlprogram")
    reader = _Reader(file)
    functions = {name: reader.function(name, found) for name, found in sorted(model.mlProgram.functions.items())}
    default = model.description.defaultFunctionName or "main"
    if default not in functions:
        raise EdgeError(f"{file}: expected the default function among {', '.join(functions)}, found {default!r}; export it again")
    return Program(functions, default, model.specificationVersion)


def _model_file(package: Path) -> Path:
    """Where the manifest says that the .mlmodel is."""
    manifest = read_object(package / "Manifest.json", "the manifest of a Core ML package")
    entries, root = manifest.get("itemInfoEntries"), manifest.get("rootModelIdentifier")
    entry = entries.get(root) if isinstance(entries, dict) and isinstance(root, str) else None
    path = entry.get("path") if isinstance(entry, dict) else None
    if not isinstance(path, str) or not path:
        raise EdgeError(f"{package}/Manifest.json: expected the path of the root model, found {path!r:.60}; copy or build it again")
    return _inside(package / "Data", path)


def _inside(folder: Path, path: str) -> Path:
    """``folder / path``; EdgeError where that leaves the folder, by name or by a link."""
    try:
        if (folder / path).resolve().is_relative_to(folder.resolve()):
            return folder / path
    except (OSError, ValueError):  # a loop of links, a NUL
        pass
    raise EdgeError(f"{folder}: expected a path inside the package, found {path!r:.90}; do not use this package")


def _parsed(file: Path) -> Any:
    from google.protobuf.message import DecodeError

    model = _proto("Model_pb2").Model()
    try:
        check_regular_file(file, "a Core ML model")
        model.ParseFromString(file.read_bytes())
    except OSError as error:
        raise EdgeError(f"expected a Core ML model, found {told(error)}; copy or build it again") from None
    except DecodeError as error:
        raise EdgeError(f"{file}: expected a Core ML model, found {error}; copy or build it again") from None
    return model


def _proto(module: str) -> ModuleType:
    """A module of coremltools/proto, as the package of another name, so that coremltools itself is not imported."""
    if _PROTO not in sys.modules:
        found = importlib.util.find_spec("coremltools")
        if found is None or found.origin is None:
            raise EdgeError("expected coremltools to read a Core ML package, found none; pip install -c constraints.txt -e \".[model]\"")
        folder = Path(found.origin).parent / "proto"
        spec = importlib.util.spec_from_file_location(_PROTO, folder / "__init__.py", submodule_search_locations=[str(folder)])
        assert spec is not None
        sys.modules[_PROTO] = importlib.util.module_from_spec(spec)  # its __init__ is not run: it imports all of coremltools
    return importlib.import_module(f"{_PROTO}.{module}")


class _Reader:
    """From protobuf to the classes above; opens each weight file once."""

    def __init__(self, file: Path) -> None:
        self._file, self._weights = file, dict[str, WeightFile]()

    def function(self, name: str, found: Any) -> Function:
        block = found.block_specializations.get(found.opset)
        if block is None:
            raise self._broken(f"the block {found.opset!r} of function {name}", f"{sorted(found.block_specializations)}")
        inputs = tuple(self._tensor(each) for each in found.inputs)
        operations = tuple(self._operation(each) for each in block.operations)
        function = Function(name, found.opset, inputs, tuple(block.outputs), operations)
        self._check_names(function)
        return function

    def _check_names(self, function: Function) -> None:
        known = {tensor.name for tensor in function.inputs}
        for operation in function.operations:
            needed = {each for bound in operation.inputs.values() for each in bound if isinstance(each, str)}
            if unknown := sorted(needed - known):
                raise self._broken(f"the inputs of {operation.kind} {operation.name} to be computed before it", f"not so {unknown[0]!r}")
            names = [tensor.name for tensor in operation.outputs]
            if len({*names} - known) != len(names):
                raise self._broken("every tensor to be computed once", f"{names} twice")
            known.update(names)
        if not function.outputs or not known.issuperset(function.outputs):
            raise self._broken(f"function {function.name} to compute its outputs", f"{list(function.outputs)}")

    def _operation(self, found: Any) -> Operation:
        outputs = tuple(self._tensor(each) for each in found.outputs)
        name = outputs[0].name if outputs else found.type
        if found.blocks:
            raise self._broken("operations without control flow", f"{found.type} {name}")
        inputs = {key: tuple(each.name if each.WhichOneof("binding") == "name" else self._constant(each.value, name)
                             for each in argument.arguments) for key, argument in sorted(found.inputs.items())}
        attributes = {key: self._constant(value, name) for key, value in sorted(found.attributes.items())}
        if found.type == "const" and ("val" not in attributes or not outputs):
            raise self._broken("a value and a name for it", f"none in const {name}")
        if unbound := [key for key, bound in inputs.items() if not bound]:
            raise self._broken("every parameter to be bound", f"{unbound[0]} of {found.type} {name} bound to nothing")
        return Operation(found.type, name, inputs, outputs, attributes)

    def _tensor(self, found: Any) -> Tensor:
        return Tensor(found.name, *self._type(found.type, found.name))

    def _type(self, found: Any, name: str) -> tuple[str, tuple[int | None, ...]]:
        kind, tensor = found.WhichOneof("type"), found.tensorType
        if kind != "tensorType" or tensor.dataType not in NAMES:
            raise self._broken(f"a tensor of one of {', '.join(TYPES)}", f"{name} of {kind}, type {tensor.dataType}")
        shape = tuple(each.constant.size if each.WhichOneof("dimension") == "constant" else None for each in tensor.dimensions)
        return NAMES[tensor.dataType], shape if tensor.rank >= 0 else (None,)

    def _constant(self, found: Any, name: str) -> Constant:
        dtype, dimensions = self._type(found.type, name)
        shape = tuple(size for size in dimensions if size is not None)
        if len(shape) != len(dimensions):
            raise self._broken("a constant of a fixed shape", f"{name} of {dimensions}")
        count = math.prod(shape)
        if found.WhichOneof("value") == "blobFileValue":
            blob = found.blobFileValue
            return Constant(dtype, shape, self._weight_file(blob.fileName).blob(blob.offset, dtype, count), blob=True)
        return Constant(dtype, shape, self._immediate(found.immediateValue, dtype, count, name))

    def _weight_file(self, name: str) -> WeightFile:
        if name not in self._weights:
            if not name.startswith(_MODEL_PATH):
                raise self._broken(f"weights in a file of {_MODEL_PATH}", f"{name!r:.90}")
            self._weights[name] = WeightFile(_inside(self._file.parent, name.removeprefix(_MODEL_PATH)))
        return self._weights[name]

    def _immediate(self, found: Any, dtype: str, count: int, name: str) -> np.ndarray:
        kind = found.tensor.WhichOneof("value")
        if found.WhichOneof("value") != "tensor" or kind not in _FIELDS:
            raise self._broken("a tensor's values", f"{found.WhichOneof('value')} of {kind} in {name}")
        values = getattr(found.tensor, kind).values
        if kind == "bytes" and dtype != "string":
            if len(values) != stored_bytes(dtype, count):
                raise self._broken(f"{stored_bytes(dtype, count)} bytes for {count} of {dtype} in {name}", f"{len(values)}")
            return np.frombuffer(values, np.uint8)
        try:
            if len(values) != count or (dtype != "string") == (kind == "strings") or 0 < TYPES[dtype].bits < 8:
                raise ValueError(f"{len(values)} {kind}")
            return np.array(values, TYPES[dtype].numpy)
        except (ValueError, TypeError, OverflowError) as error:
            raise self._broken(f"{count} values of {dtype} in {name}", f"{error}") from None

    def _broken(self, expected: str, found: str) -> EdgeError:
        return EdgeError(f"{self._file}: expected {expected}, found {found}; copy or build it again")
