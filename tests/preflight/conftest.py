from __future__ import annotations

from tests.export.tiny_qwen3 import fp32, int8, merged

__all__ = ["fp32", "int8", "merged"]
