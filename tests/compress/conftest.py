from __future__ import annotations

from tests.compress.healing import taught
from tests.export.tiny_qwen3 import decision, fp32, generator_fp32, generator_int8, int8, merged

__all__ = ["decision", "fp32", "generator_fp32", "generator_int8", "int8", "merged", "taught"]
