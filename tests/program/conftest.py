from __future__ import annotations

from tests.export.tiny_coreml import coreml_fp16, coreml_int8, coreml_palette4
from tests.export.tiny_qwen3 import decision, merged

__all__ = ["coreml_fp16", "coreml_int8", "coreml_palette4", "decision", "merged"]
