"""The model's word and what the device reads in a question, weighed together: log-odds that add up.

A task's score is scale * logit + base + the weights of the readings that hold (multinomial logistic regression), so what speaks for a
task, and how much, can be looked up in evidence.json.  The model alone knows the wording it was trained on; the readings know the
student's courses and cards, and do not mind who asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.edge.assistant.evidence import READINGS, Evidence
from pipeline.edge.classifier import Classifier
from pipeline.edge.conformal import choose_threshold
from pipeline.edge.router import device_score
from pipeline.errors import EdgeError
from pipeline.runtime.decision import CLOUD, Decision, Rule, softmax
from pipeline.runtime.files import read_object, write_object
from pipeline.runtime.prompt import Encoded

FILE = "evidence.json"
_HOLDS = "what evidence weighs for a task"
SHRINKING = 0.5  # of the squared weights: a reading that few questions hold says little


@dataclass(frozen=True)
class Weights:
    """In nats.  base: [tasks]; readings: [READINGS, tasks]; tasks in the order of the rule's intents."""

    scale: float
    base: np.ndarray
    readings: np.ndarray

    def scores(self, logits: np.ndarray, evidence: np.ndarray) -> np.ndarray:
        """[..., tasks] of logits [..., tasks] and evidence [..., READINGS] of 0 and 1."""
        return self.scale * logits + self.base + evidence @ self.readings


@dataclass(frozen=True)
class Weighed:
    """A classifier whose decisions are weighed with the evidence; ``rule`` has the threshold for them."""

    classifier: Classifier
    evidence: Evidence
    weights: Weights
    rule: Rule

    @classmethod
    def open(cls, classifier: Classifier, evidence: Evidence, decision: Path) -> Weighed:
        """With the weights of a decision directory; EdgeError where they are broken or of other tasks or readings."""
        weights, threshold = read_weights(decision / FILE, [intent.name for intent in classifier.rule.intents])
        return cls(classifier, evidence, weights, replace(classifier.rule, temperature=1.0, confidence_threshold=threshold))

    @property
    def runtime(self) -> Any:
        return self.classifier.runtime

    def encode(self, query: str) -> Encoded:
        return self.classifier.encode(query)

    def decide(self, query: str) -> Decision:
        """As `Classifier.decide`; its logits are the scores."""
        alone = self.classifier.decide(query)
        scores = self.weights.scores(np.array(alone.logits), np.array(self.evidence.of(query), float))
        return self.rule.decide(query, scores, alone.truncated)


def make_weights(out: Path, classifier: Classifier, evidence: Evidence, validation: Sequence[tuple[str, str]],
                 decision: dict[str, Any]) -> None:
    """Write evidence.json: weights and threshold fitted on (query, task) that the model was not trained on.

    decision: {alpha, least_confidence, confidence_threshold} as for `pipeline.edge.conformal.choose_threshold`.
    """
    tasks = [intent.name for intent in classifier.rule.intents]
    logits = np.stack([classifier.logits(query) for query, _ in validation]).astype(float)
    read = np.array([evidence.of(query) for query, _ in validation], float)
    truth = np.array([tasks.index(task) for _, task in validation])
    weights = fit(logits, read, truth)
    scores = weights.scores(logits, read)
    rule, cloud = replace(classifier.rule, temperature=1.0), [intent.route == CLOUD for intent in classifier.rule.intents]
    kinds = {intent.name: intent for intent in rule.intents}
    needed = [device_score(rule.decide(query, row), kinds.__getitem__)
              for (query, _), row, task in zip(validation, scores, truth, strict=True) if cloud[task]]
    chosen = choose_threshold(needed, **decision)
    write_object(out / FILE, {
        "version": 1, "scale": weights.scale, "base": dict(zip(tasks, weights.base.tolist(), strict=True)),
        "readings": {name: dict(zip(tasks, row, strict=True)) for name, row in zip(READINGS, weights.readings.tolist(), strict=True)},
        "confidence_threshold": chosen.confidence_threshold, "n": len(truth), "miss_rate": chosen.miss_rate,
        "accuracy": {"model": float((logits.argmax(1) == truth).mean()), "weighed": float((scores.argmax(1) == truth).mean())}})


def fit(logits: np.ndarray, evidence: np.ndarray, truth: np.ndarray) -> Weights:
    """The weights of least cross-entropy for tasks ``truth`` [n], the readings' shrunk; targets smoothed as in `fit_temperature`."""
    from scipy.optimize import minimize

    tasks, share = logits.shape[1], 1 / (len(truth) + 2)
    target = np.eye(tasks)[truth] * (1 - share - share / (tasks - 1)) + share / (tasks - 1)

    def of(values: np.ndarray) -> Weights:
        return Weights(float(values[0]), values[1:1 + tasks], values[1 + tasks:].reshape(-1, tasks))

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        weights = of(values)
        odds = softmax(weights.scores(logits, evidence))
        wrong = odds - target
        slopes = [[(wrong * logits).sum()], wrong.sum(0), (evidence.T @ wrong + 2 * SHRINKING * weights.readings).ravel()]
        return float(-(target * np.log(odds + 1e-300)).sum() + SHRINKING * (weights.readings ** 2).sum()), np.concatenate(slopes)

    start = np.zeros(1 + tasks + evidence.shape[1] * tasks)
    return of(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 1000}).x)


def read_weights(file: Path, tasks: Sequence[str]) -> tuple[Weights, float]:
    """Weights and confidence threshold; EdgeError when the file is missing, garbage, or of other tasks or readings."""
    content = read_object(file, _HOLDS)
    try:
        rows = [content["base"], *(content["readings"][name] for name in READINGS)]
        values = np.array([[float(row[task]) for task in tasks] for row in rows])
        scale, threshold = float(content["scale"]), float(content["confidence_threshold"])
        known = content["version"] == 1 and set(content["readings"]) == set(READINGS)
        if not known or not np.isfinite([scale, threshold, *values.ravel()]).all():
            raise ValueError("another version, other readings or numbers that are not finite")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EdgeError(f"{file}: expected {_HOLDS} of {', '.join(tasks)}, found {error!r:.80}; make the decision again") from None
    return Weights(scale, values[0], values[1:]), threshold
