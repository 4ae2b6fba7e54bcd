from __future__ import annotations

import pytest

from pipeline.compress.weight_types import tensor_types
from pipeline.measure.compression import kept_in
from tests.compress.calibrated import source_of, tensors
from tests.export.tiny_qwen3 import compress


@pytest.mark.parametrize("bits", [4, 8])
def test_each_code_of_a_packed_matrix_counts_once(merged, tmp_path, bits):
    compress("gptq", tmp_path / "out", source_of(merged, tmp_path), group=32, bits=bits)
    matrices = [tensor for name, tensor in tensors(merged).items() if "_proj" in name]
    found = tensor_types(tmp_path / "out")
    assert found[f"int{bits}"] == sum(matrix.numel() for matrix in matrices) and f"int{12 - bits}" not in found
    assert kept_in(tmp_path / "out") == f"int{bits}"


def test_a_graph_s_packed_codes_count_too(fp32, int8, tmp_path):
    from pipeline.compress import Source

    assert kept_in(fp32) == "float32" and kept_in(int8) == "int8"
    compress("int4", tmp_path / "out", Source(fp32), group=32)
    assert kept_in(tmp_path / "out") in ("int4", "int8")
