"""A reranker as it is served: how well a document answers a question; no torch.

It is a classifier of two labels: its model and its decision are those of any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.edge.classifier import Classifier
from pipeline.errors import EdgeError
from pipeline.runtime.decision import LOCAL, softmax
from pipeline.runtime.files import read_object
from pipeline.runtime.pair_prompt import NO, YES, pair_text

FILE = "rerank.json"


class Label(NamedTuple):
    """An answer as `pipeline.edge.calibrate` takes an intent."""

    name: str
    label: str
    route: str = LOCAL


def answers_of(labels: Sequence[str]) -> tuple[Label, ...]:
    """Yes and no, by the labels' tokens in this order."""
    return tuple(Label(name, label) for name, label in zip((YES, NO), labels, strict=True))


class Reranker:
    """A model's directory and its decision's, opened together.  Safe from several threads."""

    def __init__(self, classifier: Classifier, instruction: str) -> None:
        self._classifier, self._instruction = classifier, instruction
        names = [intent.name for intent in classifier.rule.intents]
        if names != [YES, NO]:
            raise EdgeError(f"expected a reranker's decision of {YES} and {NO}, found {', '.join(names)}; name the one of the same model")

    @classmethod
    def open(cls, model: Path, decision: Path, threads: int) -> Reranker:
        """EdgeError when one is missing, broken, or made for another than the other."""
        instruction = read_object(Path(decision) / FILE, "the instruction of a reranker").get("instruction")
        if not isinstance(instruction, str):
            raise EdgeError(f"{decision}/{FILE}: expected an instruction in words, found {instruction!r:.40}; make the decision again")
        return cls(Classifier.open(model, decision, threads), instruction)

    def score(self, query: str, document: str) -> tuple[float, int]:
        """How likely it is that the document answers the query, 0 to 1, and how many ids were read."""
        encoded = self._classifier.encode(pair_text(self._instruction, query, document))
        return float(softmax(self._classifier.runtime.logits(encoded.ids).astype(float))[0]), len(encoded.ids)
