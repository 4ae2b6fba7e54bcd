"""How good a quantised model is: held against its original, weight by weight, layer by layer, token by token and question by question.

``compare`` is the whole of it; ``pipeline.report.quantization`` renders what it returns.  One file a meter:

- ``layers``: cosine similarity and relative error of weights and of each decoder layer's outputs on real text;
- ``tokens``: log-likelihoods, KL divergence and agreement on each next token; ``perplexity`` of them; ``windows`` over long texts;
- ``harness``: C-Eval, MMLU, GSM8K and CMATH by lm-evaluation-harness; ``answers`` compares them question by question;
- ``stored``: bytes with scales counted, seconds and what made it, from the directory itself.

Texts are what is independent, not their tokens: every interval of a token's figure is over texts (`per_text`).
"""

from __future__ import annotations

from pipeline.precision.compare import Comparison, compare
from pipeline.precision.texts import Texts, texts

__all__ = ["Comparison", "Texts", "compare", "texts"]
