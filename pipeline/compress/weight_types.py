"""How many weights of a model are kept in which type, by the headers of its files."""

from __future__ import annotations

from collections import Counter
from math import prod
from pathlib import Path

from safetensors import safe_open

from pipeline.runtime.files import read_object
from pipeline.train.weights import weight_files

_SAFETENSORS = {"F32": "float32", "F16": "float16", "BF16": "bfloat16", "I8": "int8", "U8": "uint8", "F8_E4M3": "float8_e4m3fn"}


def graph_types(model: Path) -> Counter[str]:
    """type -> weights of an exported graph; codes of 4 bits count two a byte."""
    import onnx

    file = model / read_object(model / "runtime.json", "the runtime of an exported model")["file"]
    graph = onnx.load(str(file), load_external_data=False).graph
    packed = {name: bits for node in graph.node for name, bits in _packed(node)}
    found: Counter[str] = Counter()
    for weight in graph.initializer:
        kind = onnx.helper.tensor_dtype_to_np_dtype(weight.data_type).name
        bits = packed.get(weight.name, 8)
        found[f"int{bits}" if weight.name in packed else kind] += prod(weight.dims) * 8 // bits
    return found


def _packed(node: object) -> list[tuple[str, int]]:
    """The initializer in which a node keeps its codes, and the bits of each."""
    where = {"MatMulNBits": 1, "GatherBlockQuantized": 0}.get(node.op_type)
    if where is None:
        return []
    return [(node.input[where], next((one.i for one in node.attribute if one.name == "bits"), 4))]


def tensor_types(model: Path) -> Counter[str]:
    """type -> weights of a Hugging Face directory; a packed matrix of compressed-tensors counts once for each of its codes."""
    found: Counter[str] = Counter()
    for file in weight_files(model):
        with safe_open(file, "numpy") as tensors:
            names = set(tensors.keys())
            for name in names:
                if (matrix := name.removesuffix(".weight_packed")) == name:
                    tensor = tensors.get_slice(name)
                    found[_SAFETENSORS.get(tensor.get_dtype(), tensor.get_dtype().lower())] += prod(tensor.get_shape())
                    continue
                words, codes = prod(tensors.get_slice(name).get_shape()), prod(tensors.get_tensor(f"{matrix}.weight_shape").tolist())
                found[f"int{32 * words // codes}"] += codes
    return found
