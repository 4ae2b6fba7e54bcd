from __future__ import annotations

from tests.export.tiny_mlx import mlx_4bit, mlx_fp32
from tests.export.tiny_qwen3 import decision, fp32, generator_fp32, generator_int8, int8, merged

__all__ = ["decision", "fp32", "generator_fp32", "generator_int8", "int8", "merged", "mlx_4bit", "mlx_fp32"]
