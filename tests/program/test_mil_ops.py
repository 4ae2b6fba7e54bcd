"""Each operation of the table, in a program that coremltools wrote, against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.formats.mil_interpreter import Interpreter
from pipeline.formats.mlpackage import read_mlpackage
from tests.mil_programs import save

X = np.float32([[0.5, -2, 3], [1, 0.25, 4]])
Y = np.float32([[2, 1, -3], [0.5, 8, 1]])


def softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


@pytest.mark.parametrize(("body", "expected"), [
    (lambda mb, x: mb.add(x=x, y=Y), X + Y),
    (lambda mb, x: mb.sub(x=x, y=Y), X - Y),
    (lambda mb, x: mb.mul(x=x, y=Y), X * Y),
    (lambda mb, x: mb.real_div(x=x, y=Y), X / Y),
    (lambda mb, x: mb.maximum(x=x, y=Y), np.maximum(X, Y)),
    (lambda mb, x: mb.minimum(x=x, y=Y), np.minimum(X, Y)),
    (lambda mb, x: mb.abs(x=x), np.abs(X)),
    (lambda mb, x: mb.exp(x=x), np.exp(X)),
    (lambda mb, x: mb.sqrt(x=mb.abs(x=x)), np.sqrt(np.abs(X))),
    (lambda mb, x: mb.rsqrt(x=mb.abs(x=x), epsilon=1e-6), 1 / np.sqrt(np.abs(X))),
    (lambda mb, x: mb.sigmoid(x=x), 1 / (1 + np.exp(-X))),
    (lambda mb, x: mb.silu(x=x), X / (1 + np.exp(-X))),
    (lambda mb, x: mb.softmax(x=x, axis=-1), softmax(X)),
    (lambda mb, x: mb.reduce_mean(x=x, axes=[1], keep_dims=True), X.mean(1, keepdims=True)),
    (lambda mb, x: mb.reduce_sum(x=x, axes=[0], keep_dims=False), X.sum(0)),
    (lambda mb, x: mb.reduce_max(x=x, axes=[1], keep_dims=True), X.max(1, keepdims=True)),
    (lambda mb, x: mb.linear(x=x, weight=Y, bias=np.float32([1, 2])), X @ Y.T + np.float32([1, 2])),
    (lambda mb, x: mb.matmul(x=x, y=x, transpose_x=True), X.T @ X),
    (lambda mb, x: mb.matmul(x=x, y=x, transpose_y=True), X @ X.T),
    (lambda mb, x: mb.transpose(x=x, perm=[1, 0]), X.T),
    (lambda mb, x: mb.reshape(x=x, shape=[3, 2]), X.reshape(3, 2)),
    (lambda mb, x: mb.concat(values=[x, Y], axis=1), np.concatenate([X, Y], 1)),
    (lambda mb, x: mb.slice_by_index(x=x, begin=[0, 1], end=[2, 3]), X[:, 1:]),
    (lambda mb, x: mb.slice_by_index(x=x, begin=[1, 0], end=[0, 0], begin_mask=[False, True], end_mask=[True, True]), X[1:]),
    (lambda mb, x: mb.gather(x=x, indices=[1, 0, 1], axis=0), X[[1, 0, 1]]),
    (lambda mb, x: mb.expand_dims(x=x, axes=[0]), X[None]),
    (lambda mb, x: mb.squeeze(x=mb.reduce_max(x=x, axes=[1], keep_dims=True), axes=[1]), X.max(1)),
    (lambda mb, x: mb.select(cond=mb.greater_equal(x=x, y=Y), a=x, b=Y), np.where(X >= Y, X, Y)),
    (lambda mb, x: mb.cast(x=mb.cast(x=x, dtype="int32"), dtype="fp32"), np.trunc(X)),
])
def test_it_computes_what_numpy_does(tmp_path, body, expected):
    program = read_mlpackage(save(tmp_path / "m.mlpackage", body, *X.shape))
    result, = Interpreter(program.functions[program.default]).run({"x": X}).values()
    assert result.shape == expected.shape
    np.testing.assert_allclose(result.astype(np.float32), expected, rtol=2e-3, atol=2e-3)
