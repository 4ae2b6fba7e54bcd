"""The product's core: a query in, an intent and a route out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.runtime import Runtime, load
from pipeline.runtime.decision import Decision, Rule, read_rule
from pipeline.runtime.prompt import Encoded, Prompt


@dataclass(frozen=True)
class Classifier:
    """A model directory and a decision directory, opened together; nothing is fetched or written."""

    rule: Rule
    prompt: Prompt
    runtime: Runtime

    @classmethod
    def open(cls, model: Path, decision: Path, threads: int, backend: str = "") -> Classifier:
        """Open both directories, the model with the backend it calls for or with another; EdgeError when one is missing, broken,
        or made for another than the other."""
        rule = read_rule(Path(decision))
        prompt = Prompt(Path(decision), rule.prefix, rule.suffix, rule.max_length)
        return cls(rule, prompt, load(Path(model), rule.label_ids, threads, backend))

    def encode(self, query: str) -> Encoded:
        """Token ids of the whole prompt for one query."""
        return self.prompt.encode(query)

    def logits(self, query: str) -> np.ndarray:
        """Raw label logits, float32 [intents]."""
        return self.runtime.logits(self.prompt.encode(query).ids)

    def decide(self, query: str) -> Decision:
        """Intent, calibrated confidence and route of one query, by one forward pass."""
        encoded = self.prompt.encode(query)
        return self.rule.decide(query, self.runtime.logits(encoded.ids), encoded.truncated)
