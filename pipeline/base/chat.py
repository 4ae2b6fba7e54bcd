"""Qwen3's chat format, as far as the decision needs it."""

from __future__ import annotations

START, END = "<|im_start|>", "<|im_end|>"
NO_THOUGHT = "<think>\n\n</think>\n\n"


def decision_prompt(system: str, query: str) -> str:
    """The prompt after which the answer's first token is the label (Qwen3's template with enable_thinking=False)."""
    return f"{START}system\n{system}{END}\n{START}user\n{query}{END}\n{START}assistant\n{NO_THOUGHT}"
