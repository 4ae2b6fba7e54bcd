"""What the machine can do at best, measured: multiply matrices, by type, and read memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

SIZE, LARGEST = 1024, 1024  # of square matrices; MB read
SECONDS, LEAST = 0.2, 5  # that each way is tried for, and how often at least


def measure(threads: int, megabytes: list[float]) -> dict[str, Any]:
    """``products``: multiplications and additions a second by type.  ``read``: bytes a second of buffers of those sizes, in order.

    A buffer is as large as the weights of an engine (up to LARGEST): a small model may lie in a cache that a large one does not.
    """
    import torch

    torch.set_num_threads(threads)
    products = {kind: max(2 * SIZE**3 / _best(multiply) for multiply in ways) for kind, ways in _multiplications(threads).items()}
    read = {size: _read(min(size, LARGEST)) for size in dict.fromkeys(megabytes)}
    return {"products": products, "read": [read[size] for size in megabytes]}


def _multiplications(threads: int) -> dict[str, list[Callable[[], object]]]:
    """By type, every way to multiply two matrices of it that is here; the fastest counts."""
    import torch

    left, right = (torch.randint(-127, 128, (SIZE, SIZE), dtype=torch.int8) for _ in "ab")
    floats = {name: [side.to(kind) / 127 for side in (left, right)]
              for name, kind in (("float32", torch.float32), ("bfloat16", torch.bfloat16))}
    ways: dict[str, list[Callable[[], object]]] = {
        name: [lambda a=a, b=b: a @ b] for name, (a, b) in floats.items()}
    ways["int8"] = [lambda: torch._int_mm(left, right), *_integer_session(left.numpy(), right.numpy(), threads)]
    return ways


def _integer_session(left: Any, right: Any, threads: int) -> Iterator[Callable[[], object]]:
    """ONNX Runtime's MatMulInteger, right side constant, so that it is packed once as weights are."""
    import numpy as np
    import onnx
    import onnxruntime as ort

    node = onnx.helper.make_node("MatMulInteger", ["a", "b", "zero"], ["c"])
    constants = [onnx.numpy_helper.from_array(right, "b"), onnx.numpy_helper.from_array(np.uint8(128), "zero")]
    graph = onnx.helper.make_graph(
        [node], "product", [onnx.helper.make_tensor_value_info("a", onnx.TensorProto.UINT8, [SIZE, SIZE])],
        [onnx.helper.make_tensor_value_info("c", onnx.TensorProto.INT32, [SIZE, SIZE])], constants)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    shifted = (left.astype(np.int16) + 128).astype(np.uint8)
    yield lambda: session.run(None, {"a": shifted})


def _read(megabytes: float) -> float:
    """Bytes a second, of a sum over all or of a copy, whichever is more."""
    import torch

    source = torch.ones(max(1, int(megabytes * 1e6 / 4)))
    target = torch.empty_like(source)
    bytes_ = source.numel() * 4
    return max(bytes_ / _best(lambda: source.sum()), 2 * bytes_ / _best(lambda: target.copy_(source)))


def _best(action: Callable[[], object]) -> float:
    """Seconds of the quickest of some tries, after one that does not count."""
    action()
    took: list[float] = []
    while len(took) < LEAST or sum(took) < SECONDS:
        started = time.perf_counter()
        action()
        took.append(time.perf_counter() - started)
    return min(took)
