from __future__ import annotations

from tests.export.tiny_qwen3 import decision, fp32, int8, merged

__all__ = ["decision", "fp32", "int8", "merged"]
