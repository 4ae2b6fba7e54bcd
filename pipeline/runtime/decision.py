"""From six label logits to an intent, a calibrated confidence and a route."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import EdgeError
from pipeline.runtime.files import read_object

FILE = "decision.json"
LOCAL, CLOUD = "local", "cloud"


@dataclass(frozen=True)
class LabelledIntent:
    """One intent, the token that stands for it and where its queries go when the model is sure."""

    name: str
    label: str
    label_id: int
    route: str


@dataclass(frozen=True)
class Decision:
    """What one query gets.  ``confidence`` in [1/labels, 1]; ``logits`` in the order of the rule's intents."""

    query: str
    intent: str
    confidence: float
    route: str
    confidence_threshold: float
    logits: tuple[float, ...]
    truncated: bool = False

    def to_json(self) -> dict[str, Any]:
        """The documented JSON of a decided query."""
        return {
            "query": self.query,
            "intent": self.intent,
            "should_route_to_cloud": self.route == CLOUD,
            "confidence_threshold": self.confidence_threshold,
            "expected_output": {"intent": self.intent, "confidence": self.confidence, "route": self.route},
        }


@dataclass(frozen=True)
class Rule:
    """The prompt, the intents and the two numbers that turn logits into a decision (the file decision.json)."""

    prefix: str
    suffix: str
    max_length: int
    intents: tuple[LabelledIntent, ...]
    temperature: float
    confidence_threshold: float

    def __post_init__(self) -> None:
        names, ids = {i.name for i in self.intents}, {i.label_id for i in self.intents}
        count = len(self.intents)
        _require(count >= 2 and len(names) == len(ids) == count, "two or more intents of different name and label")
        _require(all(i.route in (LOCAL, CLOUD) for i in self.intents), f"routes of {LOCAL} or {CLOUD}")
        _require(0 < self.temperature < math.inf, "a positive temperature")
        _require(0 <= self.confidence_threshold <= 1, "a confidence_threshold between 0 and 1")
        _require(self.max_length > 0, "a positive max_length")

    @property
    def label_ids(self) -> list[int]:
        """Token ids of the labels, in the order of the logits."""
        return [intent.label_id for intent in self.intents]

    def decide(self, query: str, logits: np.ndarray, truncated: bool = False) -> Decision:
        """The decision for one query's logits [labels]; EdgeError when they are too few or not finite."""
        values = np.asarray(logits, dtype=np.float64)
        if values.shape != (len(self.intents),) or not np.isfinite(values).all():
            raise EdgeError(f"expected {len(self.intents)} finite logits, found {values.tolist()}; "
                            "export the model again")
        best = int(values.argmax())
        confidence = float(softmax(values / self.temperature)[best])
        intent = self.intents[best]
        sure = intent.route == LOCAL and confidence >= self.confidence_threshold
        return Decision(query, intent.name, confidence, LOCAL if sure else CLOUD, self.confidence_threshold,
                        tuple(values.tolist()), truncated)

    def to_json(self) -> dict[str, Any]:
        """The content of decision.json."""
        return {"version": 1, **vars(self), "intents": [vars(intent) for intent in self.intents]}


def softmax(values: np.ndarray) -> np.ndarray:
    """Softmax over the last axis, safe for any finite values."""
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def read_rule(directory: Path) -> Rule:
    """The rule in a decision directory; EdgeError when decision.json is missing, garbage or of another version."""
    file = directory / FILE
    content = read_object(file, "the decision of an intent classifier")
    try:
        _require(content["version"] == 1, "version 1")
        _require(isinstance(content["intents"], list), "a list of intents")
        intents = tuple(LabelledIntent(_text(i["name"]), _text(i["label"]), _whole(i["label_id"]), _text(i["route"]))
                        for i in content["intents"])
        return Rule(_text(content["prefix"]), _text(content["suffix"]), _whole(content["max_length"]), intents,
                    _number(content["temperature"]), _number(content["confidence_threshold"]))
    except KeyError as error:
        raise EdgeError(f"{file}: expected the field {error}, found none; make the decision again") from error
    except ValueError as error:
        raise EdgeError(f"{file}: expected {error}; make the decision again") from error
    except TypeError as error:
        raise EdgeError(f"{file}: expected the fields of a decision, found {error}; make the decision again") from error


def _require(condition: bool, expected: str) -> None:
    if not condition:
        raise ValueError(expected)


def _text(value: object) -> str:
    _require(isinstance(value, str), f"text instead of {value!r}")
    return str(value)


def _whole(value: object) -> int:
    _require(isinstance(value, int) and not isinstance(value, bool), f"a whole number instead of {value!r}")
    return int(value)  # type: ignore[call-overload]


def _number(value: object) -> float:
    _require(isinstance(value, int | float) and not isinstance(value, bool), f"a number instead of {value!r}")
    return float(value)  # type: ignore[arg-type]
